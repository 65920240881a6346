"""Answers as lines, tables and JSON.

- `answers`: sentences of answers: what is broken and since when, what an answer leaves out, what is lost.
- `columns`: rows of tests in columns that fit the screen: name, strip, note, text.
- `data`: answers as JSON.
- `drawings`: bars and sparklines.
- `event_lines`: events as lines for people: pure functions, used by `insight tail`.
- `outcomes`: outcomes, verdicts and states: their colours, their order and their counts.
- `overview_screen`: the screen of `insight` without a command: sections of few rows, in columns that fit.
- `phase_words`: words for the phases of a test that takes long.
- `sessions`: sessions as lines, tables and JSON.
- `strips`: strips of marks on a screen: the last runs of a test, the newest right.
- `values`: single values as text: numbers, times, durations, sizes, names.
"""
