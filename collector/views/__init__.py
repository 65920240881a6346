"""Answers to questions about the sessions of a team, and tables for other programs.

The tables are made by the fold of the local read model, and have each session packed as that has it; commands of the
command line answer over them, so that no rule exists twice. For questions about the past the log of a team is copied
from the feed into a file. The copy is a cache: it can be deleted at any time, and is made again from the database.

- `commands`: processes that answer with a command of the command line
- `folding`: lines of a stream to rows of the tables
- `locking`: the lock under which tables of a team are written
- `names`: names that sessions are shown by
- `partitions`: months of the results
- `process`: the process of the projector, as the server has it
- `projecting`: tables of all teams brought up to date
- `projector`: streams that were touched, folded into the tables
- `questions`: endpoints and the commands that answer them
- `removing`: streams out of the tables
- `resetting`: tables of a team emptied, to be made again
- `rows`: rows of streams replaced
- `team_view`: copy of the log of a team, for questions about the past
- `worker`: the process that keeps the tables up to date
"""
