"""Removal of secrets from everything that is written.

- `events`: an event without secrets, and the writer that applies it
- `key`: key of the digests that replace secrets in node ids
- `names`: names that make the value after them a secret
- `redactor`: a text without secrets
- `shapes`: tokens and structures that are secrets by themselves; one entry couples pattern, hint and example
- `shortening`: a text without secrets and below a size limit
"""
