"""Remove all views of a team, to be made again from its segments."""

from typing import Final

from sqlalchemy import Connection, text

from .partitions import drop_month, list_months

_TABLES: Final = ("folded", "packed", "session", "node", "result", "test_day", "change")


def clear_views(connection: Connection, team: int) -> None:
    """Remove the rows of a team from all views; where no other team has any, the tables are emptied at once."""
    others = connection.execute(text("select exists(select from checkpoint where team <> :team)"), {"team": team})
    if not others.scalar():
        for month in list_months(connection):
            drop_month(connection, month)
        connection.execute(text(f"truncate {', '.join(_TABLES)}"))
        return
    for table in _TABLES:
        connection.execute(text(f"delete from {table} where team = :team"), {"team": team})  # noqa: S608 - fixed names
