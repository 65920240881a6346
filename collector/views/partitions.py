"""Months of the results: each has a partition of its own, in the schema `months`.

Clocks of machines are wrong now and then: results of other months are in the default partition `months.other`, until
their month has come.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

_MONTHS_BACK: Final = 13
_AHEAD: Final = timedelta(days=1)
_LIST = text("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
             " where n.nspname = 'months' and c.relkind = 'r' and c.relname like 'y%m%'")  # fmt: skip
_LOCK: Final = 0x1251_4704


class Month(NamedTuple):
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """Return the month of a time."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def named(cls, name: str) -> "Month":
        """Return the month of the name of a partition."""
        return cls(int(name[1:5]), int(name[6:8]))

    def plus(self, months: int) -> "Month":
        """Return the month that is so many months later."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    @property
    def name(self) -> str:
        """Name of its partition."""
        return f"y{self.year:04d}m{self.month:02d}"

    @property
    def begin(self) -> datetime:
        """The first instant of it."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant behind it."""
        return self.plus(1).begin


def is_in_window(moment: datetime, now: datetime) -> bool:
    """Return whether results of a time get a partition of their month."""
    return Month.of(now).plus(-_MONTHS_BACK).begin <= moment <= now + _AHEAD


def list_months(connection: Connection) -> list[Month]:
    """Return the months that have a partition, the oldest first."""
    return sorted(Month.named(name) for name in connection.execute(_LIST).scalars())


def make_months(connection: Connection, moments: Iterable[datetime], now: datetime) -> None:
    """Make the partitions that results of some times need; what the default one has of them is moved."""
    wanted = {Month.of(moment) for moment in moments if is_in_window(moment, now)}
    missing = wanted - set(list_months(connection))
    if not missing:
        return
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})  # two teams may need it at once
    for month in sorted(missing - set(list_months(connection))):
        table = f"months.{month.name}"
        span = {"begin": month.begin, "end": month.end}
        connection.execute(text(f"create table {table} (like public.result including defaults)"))
        moved = f"with moved as (delete from months.other where at >= :begin and at < :end returning *) insert into {table} select * from moved"  # noqa: S608, E501 - the name is made of digits
        connection.execute(text(moved), span)
        limits = f"from ('{month.begin.isoformat()}') to ('{month.end.isoformat()}')"
        connection.execute(text(f"alter table public.result attach partition {table} for values {limits}"))


def drop_month(connection: Connection, month: Month) -> None:
    """Drop the partition of a month."""
    connection.execute(text(f"alter table public.result detach partition months.{month.name}"))
    connection.execute(text(f"drop table months.{month.name}"))
