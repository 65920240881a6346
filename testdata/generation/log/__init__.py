"""Generated data in the log.

- `events`: events of the journal
- `known_ids`: ids of all known records
- `recorder`: recording and look-up
- `state`: state folded from the events
"""
