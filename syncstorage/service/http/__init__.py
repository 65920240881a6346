"""HTTP interface of the service.

- `app`: endpoints
- `guard`: refusal of requests from web pages
- `messages`: bodies of requests
"""
