"""What arguments mean: logs, spans of history, sides of a comparison, filters.

- `collector`: the database of a collector.
- `comparisons`: how the commands that compare find both sides, and what they print.
- `completion`: completion of the values of options in the shell.
- `history`: what the commands that ask about history share: options, the history that is meant, and how it is drawn.
- `logs`: which logs a command reads: those that are named, together as one history, or that of a profile.
- `passing`: commands that pass arguments on to pytest: those behind `--`, and no option before it.
- `plain_values`: values of options that need no adapter.
- `project`: which system under test the current folder is the checkout of.
- `selection`: the filters that export, import and clear share.
"""
