"""Quick checks that prove lines to be events as the writer writes them; other lines are left to the exact rules.

- `heads`: the beginnings of many lines at once.
- `plainlines`: one whole line, by a pattern of its type.
"""
