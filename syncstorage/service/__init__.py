"""The service: its rules, its state and its journal.

- `archive`: renaming of a large journal
- `capacity`: limits on test runs, workers and results
- `coordinator`: messages in, events out
- `events`: events of the journal
- `idle`: end of an unused service
- `leases`: leases of workers
- `peers`: processes behind connections
- `report`: the state as JSON
- `rules`: decisions, as pure functions
- `shared_fsync`: one fsync for many requests
- `state`: state folded from the events
"""
