"""Exchange of sessions between stores and files.

- `formats`: the table of file formats. A new import format is one module behind the protocol `ImportFormat`, and an
  entry in that table.
- `event_logs`, `documents`, `csv_files`: one format each.
- `incoming`: a session that is to be added, and the protocol of import formats.
- `sources`: reading a file, folder, archive or pipe with the format that recognizes it.
- `importing`: adding the sessions of a file to a store.
- `export`: writing sessions to a file.
- `ingest`: the decision for each session, and adding its lines.
- `hiding`: clearing and restoring sessions.
- `merge_output`: writing the union of logs to a file.
- `transfer`: merging one store into another.
- `lookup`: stores and sessions by the names that users type.
- `profile_info`: number and size of what the profiles hold.
- `store`: a log with its read model.
"""
