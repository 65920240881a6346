"""The terminal: width, colours, safe text, paging.

- `fitting`: tables that fit the terminal: what may be elided in a cell, and how much of it is left.
- `hints`: hints at the commands that lead on from an answer; people see them, programs do not.
- `layout`: lines that fit a screen: texts with their middle left out, and lines with something at the right edge.
- `messages`: messages that are not data: questions, progress and notices on stderr.
- `paging`: output that is longer than the terminal goes through a pager, as git does it.
- `safe`: text from logs, made safe for a terminal.
- `screen`: where people read: Rich on a terminal, plain lines elsewhere.
- `words`: texts with a style: words, and lines of words.
"""
