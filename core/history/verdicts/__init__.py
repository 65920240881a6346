"""Sessions as analysis and comparison see them: one verdict for each test, without texts.

- `columns`: verdicts of the tests of one session, from the columns of the read model.
- `reading`: reading sessions with their verdicts, from a log or from their results.
- `run`: a session with the verdicts of its tests.
"""
