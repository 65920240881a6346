"""The HTTP interface.

- `admin_api`: endpoints of keys, teams and the audit
- `answers`: answers as JSON, and problem documents
- `app`: the application
- `bodies`: bodies of requests, within bounds
- `conflicts_api`: endpoint of the quarantine
- `context`: shared parts of the endpoints
- `events_api`: endpoints of the log
- `following`: the feed as server-sent events
- `health_api`: endpoints for monitors
- `metrics`: counters
- `models`: bodies and answers, for the description of the interface
- `questions_api`: endpoints of questions
- `running`: the server process
- `sessions_api`: endpoints of whole sessions
"""
