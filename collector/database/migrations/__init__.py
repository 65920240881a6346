"""Changes of the schema, in order, for Alembic.

- `env`: entry point of Alembic
"""
