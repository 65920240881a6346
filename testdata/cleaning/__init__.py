"""Cleanup of test data.

- `callbacks`: cleanup functions
- `reaper`: cleanup after processes that ended
- `reasons`: failures grouped by cause
- `runner`: registration and execution of cleanups
"""
