"""The processes of the server and their connections.

- `http_server`: HTTP in one process, with limits of time for connections
- `workers`: several processes on one port
"""
