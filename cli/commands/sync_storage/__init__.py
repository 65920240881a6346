"""`insight sync-storage`: the service that coordinates the parallel workers of a test run.

- `app`: `insight sync-storage`: the service that coordinates the parallel workers of a test run.
- `picture`: the picture that `insight sync-storage status` shows.
"""
