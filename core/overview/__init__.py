"""The answer that `insight` gives without a command.

- `about`: sessions that an answer speaks about, so that each answer can name them.
- `answer`: one answer for a working day: what is broken since which commit, what was cut, is flaky, got slower or is
- `breakage`: broken tests in groups: one for each pair of first bad and last good commit, cases of a test in one row.
- `cases`: cases of one parametrised test, which answers show together.
- `cut_tests`: tests that were cut, and how long they ran at least.
- `data`: shapes of the answer that `insight` gives without a command; its JSON has the same fields.
- `headline`: what an answer begins with: the newest session that ran tests, if nearly everything fails in it.
- `marks`: marks: one character for the result of one run, the same in every place that draws the last runs of a test.
- `sentence`: the sentences that an answer begins with: how the newest session ended, and what is broken since when.
- `strips`: the last runs of tests as rows of marks, the newest last.
"""
