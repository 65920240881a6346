"""How long a team keeps its sessions."""

import re
from typing import Any, Final

from sqlalchemy import Connection, select, update

from ..access.teams import TeamInfo
from ..database.tables import team

_KEEP: Final = "keep_days"
_AGE = re.compile(r"(\d{1,5})d?")


def parse_keep(value: str) -> int | None:
    """Return the days that a text means; None for `forever`.

    Raises:
        ValueError: it is neither `90d` nor `forever`.
    """
    if value == "forever":
        return None
    match = _AGE.fullmatch(value)
    if match is None or not int(match[1]):
        raise ValueError(f"{value!r}: not a time to keep sessions; give days, for instance 90d, or 'forever'")
    return int(match[1])


def keep_days(settings: dict[str, Any]) -> int | None:
    """Return how many days a team keeps its sessions; None if it keeps all."""
    days = settings.get(_KEEP)
    return days if isinstance(days, int) and days > 0 else None


def set_keep(connection: Connection, info: TeamInfo, days: int | None) -> None:
    """Set how many days a team keeps its sessions, None for all; they are removed at the next retention."""
    settings: dict[str, Any] = connection.execute(
        select(team.c.settings).where(team.c.id == info.id).with_for_update()
    ).scalar_one()
    kept = {name: value for name, value in settings.items() if name != _KEEP}
    new = kept if days is None else kept | {_KEEP: days}
    connection.execute(update(team).where(team.c.id == info.id).values(settings=new))


def read_keeps(connection: Connection) -> dict[int, int]:
    """Return the days of the teams that do not keep everything, by their ids."""
    found = {row.id: keep_days(row.settings) for row in connection.execute(select(team.c.id, team.c.settings))}
    return {number: days for number, days in found.items() if days is not None}
