"""`insight lake`: months of a history as a Delta table.

- `app`: `insight lake export`.
"""
