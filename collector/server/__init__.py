"""The HTTP interface.

- `answers`: answers as JSON, and problem documents
- `app`: the application
- `bodies`: bodies of requests, within bounds
- `context`: shared parts of the endpoints
- `events_api`: endpoints of the log
- `health_api`: endpoints for monitors
- `models`: bodies and answers, for the description of the interface
- `running`: the server process
"""
