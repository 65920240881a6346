"""Test data as events and state. Pure: no files, no clock, no processes.

- `events`: events of the journal
- `fold`: state folded from the events
- `records`: records of the state
- `rules`: decisions on processes, locks, cleanup order and retries
- `tables`: tables of the state, with look-ups
- `values`: JSON values and their digests
- `versions`: version numbers and migration plans
"""
