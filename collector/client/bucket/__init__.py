"""A log in a bucket or a shared folder: segments as objects, without a server.

- `names`: names of the objects, made from their content.
- `objects`: the store: list, read, write, delete, and its errors.
- `coverage`: which events of a stream the objects have.
- `known`: the objects whose events a log has, in a file.
- `remote`: the bucket as the other side of `insight sync`.
- `burying`: remove purged events from the objects.
- `keeping`: how long sessions are kept.
"""
