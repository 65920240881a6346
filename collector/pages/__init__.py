"""The pages of a report about the sessions of a team, for browsers that have logged in with a key.

- `boundary`: methods, headers and errors of every page
- `cookies`: the cookie of a login
- `entering`: logging in and out
- `kept`: the pages of the teams that were asked for, within bounds of memory
- `looking`: what the pages of one request are about
- `routes`: all paths
- `team_pages`: the pages of one team, which follow its feed
"""
