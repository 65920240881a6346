"""Logs as targets of appends by other parts than a recorded session.

- `log_targets`: a log on disk or in memory that is read and appended to under one lock.
- `memory_log`: the bytes of a log in memory.
- `memory_profiles`: the logs of the memory profiles of this process.
- `memory_writer`: recording a session into a log in memory.
"""
