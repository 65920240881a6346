"""Sessions as questions see them, read from a `History`.

- `chosen`: the sessions of a storage that an analysis is about.
- `column_view`: a stored session as far as the read model knows it, for filters that need not read the log.
- `counting`: how runs are counted: every start of a test counts, with or without a result.
- `history`: the interface between the rules and a store of sessions; the rules know no SQL.
- `modules`: modules that could not be collected, as runs.
- `partial`: partial sessions, which were told to run only some of the tests.
- `references`: references to a system, a session, a commit or a moment as users write them, and their meaning.
- `selection`: the filters of an export, an import or a clearing.
- `series`: the runs of a system under test on one branch in one variant, in order of time.
- `states`: the state of a session in one word, as pytest means it.
- `table_columns`: the columns of the tables for SQL.
- `tables`: tables of a log for SQL, as a private SQLite database in memory.
- `test_runs`: test runs, whose sessions belong together as the shards of a CI run do.
- `variants`: what the same tests are run under on purpose, as the version of Python and the operating system.
- `verdicts`: sessions with one verdict for each test, without texts.
- `windows`: spans of time as users write them, and logs as they were at a time.
"""
