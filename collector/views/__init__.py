"""Answers to questions about the sessions of a team.

The log of a team is copied from the feed into a file, with the same read model as a local log. Both are a cache: they
can be deleted at any time, and are made again from the database. So the server answers with the code that answers
locally, and no rule exists twice.

- `commands`: processes that answer with a command of the command line
- `questions`: endpoints and the commands that answer them
- `team_view`: copy of the log of a team, with its read model
"""
