"""Shapes of what the commands print with `--json`: a msgspec Struct for each object, and from them JSON Schema.

- `answers`: `insight analytics`, `insight test`, `insight sut`, and comparisons of sessions.
- `base`: closed objects, times in UTC, and shapes derived from answers of the Python API.
- `collector`: `insight sync`, `insight serve`, `insight keys`, `insight teams` and `insight db`.
- `data`: `insight data`.
- `lake`: `insight lake`.
- `logs`: `insight log`, and what copies, clears and rebuilds sessions.
- `reports`: `insight report`.
- `services`: `insight profile`, `insight sql` and `insight sync-storage`.
- `sessions`: `insight session` and `insight history`.
- `table`: the shape that each command prints.
"""
