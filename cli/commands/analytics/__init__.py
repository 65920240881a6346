"""`insight analytics`: figures and patterns over many sessions.

- `app`: `insight analytics`: figures and patterns over many sessions.
- `metrics`: questions by name, and the drawing of the tests that failed most.
- `summary`: the answer of `insight analytics summary`, as data and as text.
"""
