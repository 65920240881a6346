"""`insight test`: one test over many sessions.

- `app`: `insight test`: one test over many sessions.
- `verdicts`: the answers about one test, and their sentences.
"""
