"""From the body of a request to stored segments.

- `accepting`: the transaction that stores lines
- `locking`: locks on the rows of streams
- `overlaps`: comparison of lines with those that are stored
- `parsing`: bytes to runs of verified lines
- `purging`: removal of purged lines
- `segments`: runs of lines as they are stored
- `sharing`: transactions that several pushes share
- `storing`: segments into their table, with positions
- `unpacking`: compressed bodies, within bounds
"""
