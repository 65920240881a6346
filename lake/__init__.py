"""Sessions as tables of columns: months of a history as a Delta table, and files of Parquet.

- `schema`: the tables and their columns, declared once.
- `columns`: results of one session in columns, from the read model.
- `contents`: sessions of a month, with digests that tell whether it changed.
- `arrow`: columns as Arrow batches.
- `sorting`: rows of a month in order of their tests, in bounded memory.
- `months`: which months are over.
- `tables`: the Delta tables at a place.
- `export`: months of a history into the tables.
- `parquet`: sessions of a history into files of Parquet, by day and system.
- `engine`: the library of Arrow.
- `extras`: the libraries that are needed.
"""
