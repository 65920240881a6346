"""The shapes of what the commands print with `--json`: a msgspec Struct for each object, and from them JSON Schema.

- `answers`: shapes of the answers: `insight analytics`, `insight test`, `insight sut`, and comparisons of sessions.
- `base`: parts of the shapes: closed objects, times in UTC, and shapes derived from answers of the Python API.
- `collector`: shapes of `insight serve`, `insight keys`, `insight teams` and `insight db`.
- `data`: shapes of `insight data`.
- `logs`: shapes of `insight log`, and of what copies, clears and rebuilds sessions.
- `services`: shapes of `insight profile`, `insight sql` and `insight sync-storage`.
- `sessions`: shapes of `insight session` and `insight history`.
- `table`: which command prints which shape with `--json`.
"""
