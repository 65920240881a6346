"""Access to the collector.

- `audit`: record of what was done with which key
- `keys`: API keys
- `lookup`: the key of a request
- `rates`: how many requests a key may send
- `teams`: teams
"""
