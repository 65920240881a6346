"""Row-level security: the database itself shows a transaction of a request the rows of its team alone.

The first lock is the condition on the team in each query. This is the second one, which holds where a query has lost
its condition. Work without a request, such as that of the sequencer, of backups and of the command line, has no team
and sees all rows.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from sqlalchemy import Connection, Engine, event, text

SETTING: Final = "insight.team"
ROLE: Final = "insight_member"
"""Role of requests where the user of the database is not subject to row-level security itself."""

_TEAM_COLUMNS: Final = {"team": "id"}
"""Columns that hold the team, by table, where it is not the column `team`."""

_POLICY: Final = "rows_of_team"
_OLD_POLICY: Final = "team_rows"
"""Its condition let PostgreSQL expect a few rows of a team where there were thousands."""
_team: ContextVar[int | None] = ContextVar("insight_team", default=None)

_UNSECURED = text(
    """
    select relation.oid::regclass::text as name, relname from pg_class as relation
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and (relname = any(:named) or exists(
        select from pg_attribute where attrelid = relation.oid and attname = 'team' and not attisdropped))
      and not (relrowsecurity and relforcerowsecurity
        and exists(select from pg_policy where polrelid = relation.oid and polname = :policy))
    order by 1
    """
)
_LACKS_GRANTS = text(
    """
    select bool_or(not has_table_privilege(:role, oid, 'insert')) from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
    """
)
_SEES_ALL = text("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
_ROLE_EXISTS = text("select exists(select from pg_roles where rolname = :role)")
_IS_ACTIVE = text("select row_security_active(:table)")
_AS_MEMBER: Final = "insight_as_member"
"""Name of the note of a connection on whether its transaction has changed to `ROLE`."""

_MAKE_ROLE = f"""
    do $$ begin create role {ROLE} nologin;
    exception when duplicate_object or unique_violation then null; end $$
"""
_GRANTS: Final = (
    "grant usage on schema {schema} to {role}",
    "grant select, insert, update, delete on all tables in schema {schema} to {role}",
    "grant usage on all sequences in schema {schema} to {role}",
    "alter default privileges in schema {schema} grant select, insert, update, delete on tables to {role}",
    "alter default privileges in schema {schema} grant usage on sequences to {role}",
)


@contextmanager
def rows_of_team(team: int | None) -> Generator[None]:
    """Let transactions that begin in this context see the rows of one team alone; all rows for None."""
    token = _team.set(team)
    try:
        yield
    finally:
        _team.reset(token)


def limit_request(team: int) -> None:
    """Let all transactions of the request that runs now see the rows of one team alone."""
    _team.set(team)


def secure_tables(connection: Connection) -> list[str]:
    """Turn row-level security on for every table with rows of teams that lacks it, and return their names.

    Args:
        connection: of the owner of the tables.
    """
    names: list[str] = []
    for name, plain in connection.execute(_UNSECURED, {"named": list(_TEAM_COLUMNS), "policy": _POLICY}).all():
        column = _TEAM_COLUMNS.get(plain, "team")
        names.append(name)
        connection.execute(text(f"alter table {name} enable row level security, force row level security"))
        connection.execute(text(f"drop policy if exists {_OLD_POLICY} on {name}"))
        connection.execute(text(f"drop policy if exists {_POLICY} on {name}"))
        # The setting is read once for each query, as it is in a query of its own.
        asking = f"(select nullif(current_setting('{SETTING}', true), '')::int)"
        connection.execute(text(f"create policy {_POLICY} on {name} using ({asking} is null or {column} = {asking})"))
    if connection.execute(_SEES_ALL).scalar_one():
        _grant_role(connection)
    return names


def _grant_role(connection: Connection) -> None:
    """Make the role of requests: superusers are not subject to row-level security."""
    connection.execute(text(_MAKE_ROLE))
    if not connection.execute(_LACKS_GRANTS, {"role": ROLE}).scalar_one():
        return
    schema = connection.execute(text("select quote_ident(current_schema())")).scalar_one()
    for grant in _GRANTS:
        connection.execute(text(grant.format(schema=schema, role=ROLE)))


@contextmanager
def copying_rows(connection: Connection, table: str) -> Generator[bool]:
    """Let a transaction copy rows into a table, and yield whether it can.

    PostgreSQL has no COPY under row-level security. The role of requests is laid aside meanwhile. An owner who is
    subject to row-level security has to insert instead.

    Args:
        connection: in a transaction.
        table: with rows of teams.
    """
    if connection.info.get(_AS_MEMBER):
        connection.exec_driver_sql("set local role none")
        yield True
        connection.exec_driver_sql(f"set local role {ROLE}")
        return
    yield not connection.execute(_IS_ACTIVE, {"table": table}).scalar_one()


class _RowGuard:
    """Names the team of each transaction when it begins.

    Attributes:
        role: whether requests change to `ROLE`; None until the database was asked.
    """

    def __init__(self) -> None:
        self.role: bool | None = None

    def begin(self, connection: Connection) -> None:
        """Called for each transaction, before its first statement."""
        team = _team.get()
        connection.info[_AS_MEMBER] = False
        if team is None:
            return
        if self.role is None:
            self.role = _changes_role(connection)
        connection.info[_AS_MEMBER] = self.role
        role = f"set_config('role', '{ROLE}', true), " if self.role else ""
        connection.exec_driver_sql(f"select {role}set_config('{SETTING}', '{int(team)}', true)")


def _changes_role(connection: Connection) -> bool:
    sees_all = bool(connection.execute(_SEES_ALL).scalar_one())
    return sees_all and bool(connection.execute(_ROLE_EXISTS, {"role": ROLE}).scalar_one())


def guard_rows(engine: Engine) -> Engine:
    """Let the transactions of an engine see the rows of the team of their request alone."""
    event.listen(engine, "begin", _RowGuard().begin)
    return engine
