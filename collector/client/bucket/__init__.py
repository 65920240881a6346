"""A log in a bucket or a shared folder: segments as objects, without a server.

- `names`: names of the objects, made from their content.
- `segments`: the body of an object, checked against its name.
- `objects`: the store: list, read, write, delete, and its errors.
- `coverage`: the events of a stream that objects have.
- `known`: the objects whose events a log has, in a file.
- `contents`: the objects of a bucket without purged events and old sessions.
- `remote`: the bucket as the other side of `insight sync`.
"""
