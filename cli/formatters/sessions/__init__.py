"""Sessions as lines, tables and JSON.

- `comparison`: text and JSON of a comparison.
- `failure_groups`: failures of a session by message: equal errors are printed once, with the tests that have them.
- `session_data`: sessions as JSON.
- `session_list`: the table of sessions: one line for each, whatever the width of the terminal.
- `session_notes`: events of a session as a whole, in `insight session show` and in `insight tail` with the same words.
- `session_show`: output of `insight session show`: head of a session, failures by message, tests that were cut.
"""
