"""`insight log`: the log as a file.

- `app`: `insight log`: the log as a file.
- `purging`: parts of `insight log purge`: the pattern, the sessions, the report.
"""
