"""The commands of a collector's operator.

- `database`: `insight db`: upgrade, check, backup and restore of the database.
- `keys`: `insight keys`: API keys.
- `serve`: `insight serve`: the server.
- `teams`: `insight teams`: teams.
"""
