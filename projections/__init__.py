"""The read side: pure folds from events to views, and the read model that keeps them.

Names are imported from the modules; importing this package costs nothing.
"""
