"""The pages of a report on this machine, which follow the log: `insight dashboard`.

- `addresses`: addresses of the pages.
- `app`: routes, and the stream of changes.
- `following`: looks for changes of the log.
- `guard`: which requests are answered, and the headers of every answer.
- `models`: threads that read the log.
- `rules`: tables of hosts, sites and headers that are accepted.
- `running`: the server process.
- `survey`: the answers of a report, renewed as the log grows.
- `tokens`: the address that opens the pages, and the cookie that it sets.
- `views`: what single pages show.
"""
