"""What a team keeps, and for how long.

- `daily`: once a day, by whichever server comes first
- `expiring`: removal of streams that are too old
- `settings`: the setting of a team
"""
