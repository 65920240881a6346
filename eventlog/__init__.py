"""The event log: events, the line format, writing, reading, following, verifying and repairing.

Knows nothing of pytest, SQL or HTTP. Names are imported from the modules; importing this package costs nothing.
"""
