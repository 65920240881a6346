"""The service: its rules, its state and its journal; `http` is its interface.

- `archive`: renaming of a large journal
- `capacity`: limits on test runs, workers and results
- `completed_runs`: completed test runs in the form for sinks
- `coordinator`: messages in, events out
- `events`: events of the journal
- `held_folder`: notice of a deleted folder
- `idle`: end of an unused service
- `leases`: leases of workers
- `peers`: processes behind connections
- `process`: signals, streams and log file of the process
- `report`: the state as JSON
- `rules`: decisions, as pure functions
- `run_lookup`: test run of a request, and its answer
- `state`: state folded from the events
"""
