"""Sessions as lines, tables and JSON.

- `comparison`: how a comparison is shown.
- `failure_groups`: failures of a session by what they say: equal errors are told once, with the tests that have them.
- `session_data`: sessions as JSON.
- `session_list`: the table of sessions: one line for each, whatever the width of the terminal.
- `session_notes`: what happened to a session as a whole, as `insight session show` shows it: with the same words as `
- `session_show`: what `insight session show` prints: the head of a session, its failures by what they say, what was c
"""
