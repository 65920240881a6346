"""The answer that `insight` gives without a command.

- `about`: sessions that an answer speaks about, so that each answer can name them.
- `answer`: one answer for a working day: tests that are broken, cut, flaky, slower or gone.
- `breakage`: broken tests in groups, one for each pair of first bad and last good commit.
- `cases`: cases of one parametrised test, which answers show together.
- `cut_tests`: tests that were cut, and how long they ran at least.
- `data`: shapes of the answer; its JSON has the same fields.
- `headline`: the beginning of an answer: the newest session that ran tests, if nearly everything fails in it.
- `marks`: one character for the result of one run, the same wherever the last runs of a test are drawn.
- `meant`: the sessions that an answer about a project is about, if no span of time is given.
- `sentence`: the sentences of the headline: how the newest session ended, and what is broken since when.
- `strips`: the last runs of tests as rows of marks, the newest last.
"""
