"""The processes of the server and their connections.

- `http_server`: HTTP in one process, with limits of time for connections
- `worker`: one of several processes on one port
- `workers`: several processes on one port
"""
