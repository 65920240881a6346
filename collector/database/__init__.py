"""The database of the collector.

- `backups`: backups with PostgreSQL's own programs
- `checking`: a check of all segments
- `connections`: engine and transactions
- `documented`: tables for other programs, their columns
- `epoch`: which life of the database positions belong to
- `granting`: roles that may read the documented tables
- `migrating`: the schema brought up to date, and checked
- `private_server`: a PostgreSQL server of the collector's own
- `row_security`: rows of the own team alone, also for a query without its condition
- `tables`: tables of the log, as the code uses them
- `view_tables`: tables of the views, as the code uses them
"""
