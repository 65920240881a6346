"""Access to the collector.

- `audit`: record of what was done with which key
- `keys`: API keys
- `logins`: browsers that have logged in with a key
- `lookup`: the key of a request
- `rates`: how many requests a key may send
- `recent`: keys that were found valid a few seconds ago
- `teams`: teams
"""
