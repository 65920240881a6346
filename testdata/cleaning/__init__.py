"""Cleanup of test data.

- `callbacks`: cleanup functions
- `reaper`: cleanup after processes that ended
- `reasons`: failures grouped by cause
- `registration`: registered cleanups
- `report`: report on cleanups
- `runner`: execution of cleanups
"""
