"""`History` over the tables of the database: what the rules of questions read, fetched by plain SQL.

Only rows are fetched here; what they mean is decided by `core`, as for the command line.

- `tables`: `DatabaseHistory`, the one class that other folders use
- `opening`: brings the tables up to date and opens a history in one snapshot of the database
- `asking`: histories for a process that answers questions
- `listing`: sessions
- `columns`: attempts of sessions in columns, read ahead
- `names`: node ids by their numbers
- `texts`: events by their positions
- `packing`: columns of a session, as they are stored
- `positions`: numbers of events
- `cache`: what a process has read of a database before
- `kept`: sessions as they were read, for the next question
- `failures`: lines of failed attempts, packed
- `storable`: texts as the database can hold them
"""
