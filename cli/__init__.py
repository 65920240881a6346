"""The `insight` command: parse, call, print. One module per noun, imported when it is used."""
