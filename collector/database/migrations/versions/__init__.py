"""One module for each change of the schema.

- `r0001_segments`: teams, keys, segments, streams, conflicts
"""
