"""The terminal: width, colours, safe text, paging.

- `cells`: columns that a text takes: two for a wide character, none for a mark on the letter before it.
- `fitting`: tables that fit the terminal: which cells are elided, and how much of them is left.
- `hints`: hints at the commands that lead on from an answer; only on a terminal.
- `layout`: lines that fit a screen: texts with their middle left out, and lines with something at the right edge.
- `messages`: messages that are not data: questions, progress and notices on stderr.
- `paging`: pager for output that is longer than the terminal, as git uses it.
- `safe`: text from logs, made safe for a terminal.
- `screen`: output for people: Rich on a terminal, plain lines elsewhere.
- `words`: texts with a style: words, and lines of words.
"""
