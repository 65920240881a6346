"""The files of sessions that are being recorded.

- `session_file`: the file that one session writes.
- `session_files`: the files of one session over its life: live file, replacement, log.
- `acks`: the acknowledgement of an append, and syncing in groups.
- `collect`: moving the lines of live files into the log.
- `owner`: the process that records a session, and whether it still runs.
- `follow`: reading logs while they are written.
"""
