"""Sessions as questions see them, read from a `History`.

- `column_view`: a stored session as far as the read model knows it: what filters can be decided by without reading th
- `counting`: how runs are counted, for all commands alike: every start of a test counts, with or without a result.
- `history`: what questions ask of a store of sessions; the rules know this interface and no SQL.
- `modules`: modules that could not be collected, as runs: bad where collection failed, good where one of their tests
- `partial`: partial sessions: those that were told to run only some of the tests, and say nothing about the others.
- `references`: what people write for a system, a session, a commit or a moment, and which one they mean.
- `selection`: which sessions an export, an import or a clearing is about: one set of filters for all.
- `series`: series: the runs of a system under test on one branch in one variant, in order of time.
- `session_verdicts`: sessions as analysis and comparison see them: one verdict a test, without texts.
- `states`: the state of a session in one word, as pytest means it.
- `tables`: tables of a log for SQL: sessions, results, tests and failures as a private, in-memory SQLite database.
- `test_runs`: test runs: sessions that belong together, as the shards of a CI run do, and what their tests come to.
- `windows`: spans of time as people write them, and logs as they were at a time.
"""
