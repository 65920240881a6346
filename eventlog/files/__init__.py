"""Access to files on disk, for the other parts of the event log.

- `system`: the calls to the operating system that can fail, replaceable in tests.
- `log_source`: a log as a source of bytes, plain or compressed.
- `logfile`: one log file, open for appending whole lines under its lock.
- `liveness`: whether another process holds the lock of a file.
- `archives`: gzip files and members of zip archives as streams.
- `pipes`: logs that are read from a pipe.
- `private`: files that only the user may read.
- `clock`: the time, also inside a test that replaces the clock.
- `event_times`: times of the events of one writer, never earlier than the one before.
"""
