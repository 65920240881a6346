"""HTTP interface of the service.

- `app`: endpoints
- `guard`: refusal of requests from web pages
- `messages`: bodies of requests
- `protocol`: time limit on the head of a request
- `runner`: the running service
- `shared_fsync`: one fsync for many requests
- `sockets`: listening sockets
"""
