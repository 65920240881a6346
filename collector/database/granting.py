"""Roles of PostgreSQL that may read the documented tables, and nothing else."""

from typing import Final

from psycopg import sql
from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from .view_tables import reader

SCHEMA: Final = "insight"
"""Schema of the documented tables."""


def grant_tables(connection: Connection, role: str, teams: list[int]) -> None:
    """Let a role read the documented tables of some teams, besides those that it sees already.

    Raises:
        LookupError: there is no such role.
        ValueError: the role is not bound by grants.
    """
    found = connection.execute(
        text("select rolsuper or rolbypassrls from pg_roles where rolname = :role"), {"role": role}
    ).scalar()
    if found is None:
        raise LookupError(f"role {role!r}: there is no such role; make it with: create role NAME login password '...'")
    if found:
        raise ValueError(f"role {role!r}: it may read everything; make a role for reading alone")
    _run(connection, "grant usage on schema {schema} to {role}", role)
    _run(connection, "grant select on all tables in schema {schema} to {role}", role)
    rows = [{"role": role, "team": team} for team in teams]
    connection.execute(upsert(reader).on_conflict_do_nothing(), rows)


def revoke_tables(connection: Connection, role: str) -> bool:
    """Let a role read nothing any more, and return whether it could."""
    known = connection.execute(delete(reader).where(reader.c.role == role)).rowcount > 0
    if connection.execute(text("select exists(select from pg_roles where rolname = :role)"), {"role": role}).scalar():
        _run(connection, "revoke all on all tables in schema {schema} from {role}", role)
        _run(connection, "revoke all on schema {schema} from {role}", role)
    return known


def list_readers(connection: Connection) -> list[tuple[str, int]]:
    """Return the roles that may read, with the teams that they see."""
    rows = connection.execute(select(reader.c.role, reader.c.team).order_by(reader.c.role, reader.c.team))
    return [(row.role, row.team) for row in rows]


def _run(connection: Connection, command: str, role: str) -> None:
    """Run a statement with the names of schema and role, which cannot be parameters."""
    composed = sql.SQL(command).format(schema=sql.Identifier(SCHEMA), role=sql.Identifier(role))  # type: ignore[arg-type]
    connection.exec_driver_sql(composed.as_string())
