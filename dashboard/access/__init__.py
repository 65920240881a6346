"""Access to the dashboard of this machine.

- `guard`: requests that reach the pages, and the headers of every answer.
- `tokens`: the address that opens the pages, and the cookie that it sets.
"""
