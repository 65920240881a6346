"""Commands that check a log or write it again: they run on request, never as a side effect.

- `verify`: check digests, order, completeness and seals.
- `repair`: remove what is not an event, after a copy.
- `purge`: remove sessions or a text, and leave a tombstone.
- `burying`: remove what was purged elsewhere.
- `packing`: move old sessions into compressed files, and back.
- `corruption`: set aside a log that holds no event.
- `exclusive`: hold a log for rewriting, and replace it.
- `rewrite`: write a complete new file and give it the name of the old one.
- `recording`: refuse a log that a session writes to.
- `remains`: temporary files of commands that were killed.
"""
