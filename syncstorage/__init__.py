"""Sync Storage: a service that coordinates the parallel workers of a test run, and keeps what they said in a journal.

Names are imported from the modules; importing this package costs nothing.
"""
