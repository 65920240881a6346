"""The pages of a report on this machine, which follow the log: `insight dashboard`.

- `access`: which requests reach the pages on this machine.
- `addresses`: addresses of the pages.
- `app`: the pages about one log, and their application.
- `followed`: state, answers and listeners of pages that follow something.
- `following`: looks for changes of the log.
- `models`: threads that read the log.
- `rules`: tables of hosts, sites and headers that are accepted.
- `routes`: what answers at which path.
- `running`: the server process.
- `stream`: server-sent events.
- `subject`: what pages are about: a log, or the sessions of a team.
- `survey`: the answers of a report, renewed as the log grows.
- `views`: what single pages show.
"""
