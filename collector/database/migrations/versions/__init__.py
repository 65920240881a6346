"""One module for each change of the schema.

- `r0001_segments`: teams, keys, segments, streams, conflicts
- `r0002_row_security`: rows of the own team alone
"""
