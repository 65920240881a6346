"""From arguments to the data they name: logs, spans of history, sides of a comparison, filters.

- `collector`: the database of a collector.
- `comparisons`: both sides of a comparison, by the words that a command was given.
- `completion`: completion of the values of options in the shell.
- `exports`: the format of an export, and the session that formats of other tools are about.
- `first_words`: words before options are parsed: whether the first one is a command, or a log.
- `history`: the history that the options of a command select: logs, span of time, system, branch, variants.
- `imports`: facts and limits of an import.
- `logs`: the logs that a command reads: those that are named, together as one history, or that of a profile.
- `passing`: commands that pass arguments on to pytest: those behind `--`, and no option before it.
- `plain_values`: values of options that need no adapter.
- `project`: the system under test that the current folder is the checkout of.
- `remotes`: logs that mirror a collector, filled before a command reads them.
- `selection`: the filters that export, import and clear share, as one value.
"""
