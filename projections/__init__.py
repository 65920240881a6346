"""The read side: pure folds from events to views, and the read model that keeps them.

- `lines`: fields of lines that the fold needs, and their decoders.
- `parts`: parts of sessions, the result of folding a stretch of a log.
- `fold`: parts from verified lines.
- `session_lines`: the lines of a session other than starts and ends of tests, by type.
- `joining`: parts of consecutive stretches together.
- `settling`: verdicts of the tests of a session.
- `rules`: tables of verdicts, states and visible names.
- `clock`: sessions of the future.
- `session_row`: a session as lists show it.
- `whole`: verdicts and row of a session whose attempts are all known.
- `apply`: folds into the tables of the read model.
- `replay`: a whole log, on two processes where that pays.

Names are imported from the modules; importing this package costs nothing.
"""
