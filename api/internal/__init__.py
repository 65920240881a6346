"""Names that the commands of `insight` use beyond the public ones; no promise to other programs.

- `answers`: answers to questions, and the functions that give them.
- `exchange`: profiles, files and stores: export, import, merge, clear, restore.
- `history`: sessions, spans and views of a history.
- `lake`: months of a history as a Delta table, and files of Parquet.
- `logs`: logs, their sources, their errors and their words.
- `lazy`: names that are loaded when they are used first.
"""
