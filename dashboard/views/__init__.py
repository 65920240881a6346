"""Contents of single pages, from the answers of a report or from the log.

- `comparison`: two sessions.
- `drawings`: charts of one test and of one session.
- `one_session`: a session.
- `one_test`: a test.
- `test_list`: all tests.
"""
