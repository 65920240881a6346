"""Test data as events and state. Pure: no files, no clock, no processes.

- `events`: events of the journal
- `fold`: state folded from the events
- `rules`: decisions on processes, locks, cleanup order and retries
- `values`: JSON values and their digests
- `versions`: version numbers and migration plans
"""
