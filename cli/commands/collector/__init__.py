"""The commands of the collector.

- `database`: `insight db`: upgrade, check, backup and restore of the database.
- `keys`: `insight keys`: API keys.
- `moving`: `insight db move-segments`: bodies of segments to a bucket, and back.
- `serve`: `insight serve`: the server.
- `sync`: `insight sync`: send to a collector and fetch from it.
- `teams`: `insight teams`: teams.
"""
