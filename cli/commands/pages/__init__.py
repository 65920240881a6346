"""HTML pages about a history.

- `dashboard`: `insight dashboard`: pages on this machine, which follow the log.
- `report`: `insight report`: one file.
"""
