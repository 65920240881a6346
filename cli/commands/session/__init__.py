"""`insight session`: sessions, one by one.

- `app`: `insight session`: what was recorded.
- `node_ids`: node ids of a log, checked before pytest gets them: a log may come from a stranger.
- `running`: start pytest from a recorded history, and show a session as its terminal did.
"""
