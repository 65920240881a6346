"""The shapes of what the commands print with `--json`: a msgspec Struct for each object, and from them JSON Schema."""
