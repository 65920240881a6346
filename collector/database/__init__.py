"""The database of the collector.

- `backups`: backups with PostgreSQL's own programs
- `checking`: a check of all segments
- `connections`: engine and transactions
- `epoch`: which life of the database positions belong to
- `migrating`: the schema brought up to date, and checked
- `private_server`: a PostgreSQL server of the collector's own
- `row_security`: rows of the own team alone, also for a query without its condition
- `tables`: tables as the code uses them
"""
