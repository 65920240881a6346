"""Exchange of sessions between stores and files.

- `formats`: the file formats, one class each behind one protocol.
- `export`: writing sessions to a file.
- `importing`: adding the sessions of a file to a store.
- `sources`: reading the sessions of a file, folder or archive.
- `contents`: the sessions of an event log as they are added to a store.
- `ingest`: the decision for each session, and adding its lines.
- `hiding`: clearing and restoring sessions.
- `transfer`: merging one store into another.
- `lookup`: stores and sessions by the names that users type.
- `contained`: the number and size of what a profile holds.
- `store`: a log with its read model.
"""
