"""The commands of the collector.

- `database`: `insight db`: upgrade, check, backup and restore of the database.
- `keys`: `insight keys`: API keys.
- `serve`: `insight serve`: the server.
- `sync`: `insight sync`: send to a collector and fetch from it.
- `teams`: `insight teams`: teams.
"""
