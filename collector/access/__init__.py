"""Access to the collector.

- `audit`: record of what was done with which key
- `keys`: API keys
- `lookup`: the key of a request
- `teams`: teams
"""
