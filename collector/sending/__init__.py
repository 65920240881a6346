"""The helper process that sends the events of one session while its tests run.

- `session_lines`: lines of the session, from its live file and its log, in pieces
- `deadlines`: the longest time of a request, whatever happens on the network
- `database_place`: a PostgreSQL database instead of a collector
- `sender`: when to send, to wait and to give up
"""
