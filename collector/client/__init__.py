"""The client of a collector: sends what a log has, and fetches what it lacks. Needs urllib3, nothing of the server.

- `addresses`: the URL and the key of a collector, and where they come from.
- `requests`: HTTP requests with deadlines, and their errors.
- `retries`: when a request is repeated, and after how long.
- `stores`: a collector or a bucket, by the URL.
- `bucket`: the objects of a bucket or a shared folder.
- `digests`: which events a log has: a digest by stream and seq.
- `cursors`: the end of the last run, in a file.
- `pushing`: send the events that the collector lacks.
- `pulling`: append the events that the log lacks.
- `tracking`: a log that follows a collector, and what is kept about both.
- `mirrors`: a log that is filled from a collector before each question.
- `following`: append what is pushed to a collector to a mirror as it comes.
- `labelling`: events that say which sessions of one label are shown.
- `comparing`: the differences between a log and the collector.
- `syncing`: all of them, as `insight sync` runs them.
"""
