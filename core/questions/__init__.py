"""Rules that answer one question each, pure: verdicts in, answers out. Definitions: docs/analysis.md.

- `broken`: broken tests: the newest conclusive run of a series is bad.
- `clusters`: failures grouped by their message, without what differs from run to run.
- `duration_changes`: changes of durations between two sets of runs.
- `durations`: durations of tests: what each costs, and changes of its level.
- `evidence`: one run of one test as evidence of an answer, and the runs that are conclusive.
- `failures`: how often tests fail, and which tests fail in the same sessions.
- `flaky`: flaky tests: by retries within a session, by sessions of one commit, and by changes between good and bad.
- `lost`: tests that are announced no longer, and what they may be called now.
- `order`: tests that fail only after a certain other test on the same worker.
- `outages`: sessions in which nearly everything failed.
- `phases`: durations of the setup, call and teardown of a test.
- `setups`: whether a test became slower by its set-up, and is perhaps the first user of a fixture.
- `slower`: tests that became slower with the newest sessions.
- `stats`: statistics of the analysis; pure, checked against SciPy in the tests.
- `summary`: figures of a history.
"""
