"""The commands of `insight`, one module or package a noun, imported when it is used.

- `analytics`: `insight analytics`: figures and patterns over many sessions.
- `clear`: `insight clear`: retention, and what is not wanted any more.
- `collector`: `insight serve`, `keys`, `teams` and `db`: a collector and its database.
- `data`: `insight data`: test data, its locks, conflicts and snapshots, and what was left behind.
- `export`: `insight export`: sessions to a file.
- `history`: `insight history`: sessions over time.
- `import_`: `insight import`: the sessions of files.
- `lake`: `insight lake`: months of a history as a Delta table.
- `log`: `insight log`: the log as a file.
- `merge`: `insight merge`: logs of many machines into one.
- `overview`: `insight` without a command: one screen about this project.
- `pages`: `insight report` and `dashboard`: HTML pages about a history.
- `profile`: `insight profile`: named logs.
- `replay`: `insight replay`: rebuild the views.
- `restore`: `insight restore`: sessions that were cleared.
- `schema`: `insight schema`: JSON Schema of what the commands print.
- `session`: `insight session`: sessions, one by one.
- `sql`: `insight sql`: read-only SQL over documented tables of a log.
- `sut`: `insight sut`: the systems under test.
- `sync_storage`: `insight sync-storage`: the service that coordinates the parallel workers of a test run.
- `tail`: `insight tail`: what happens in logs.
- `test`: `insight test`: one test over many sessions.
"""
