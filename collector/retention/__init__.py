"""Retention: how long a team keeps its sessions.

- `daily`: once a day, by whichever server comes first
- `expiring`: removal of streams that are too old
- `settings`: the setting of a team
"""
