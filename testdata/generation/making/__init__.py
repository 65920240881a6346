"""Generation of records.

- `builtin`: the built-in entities
- `kinds`: values that are generated here for every provider
- `maker`: drafts of records, each with a random source of its own
"""
