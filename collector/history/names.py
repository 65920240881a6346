"""Node ids of a team by their numbers; kept by the process, as numbers never get another meaning."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from ..database.tables import team as team_table
from ..database.view_tables import node
from .storable import node_hash


class _Version(NamedTuple):
    """Values that change when a node id is added or removed."""

    generation: int
    nodes: int
    last: int


class NamesCache:
    """Node ids of all teams of one database, as they were last read."""

    def __init__(self) -> None:
        self.lists: dict[int, tuple[_Version, list[str]]] = {}
        self.numbers: dict[int, tuple[list[str], dict[str, int]]] = {}


class TeamNames:
    """Node ids of a team.

    Args:
        connection: in the transaction of a question.
        team: id of the team.
        cache: of the process.
    """

    def __init__(self, connection: Connection, team: int, cache: NamesCache) -> None:
        self._connection = connection
        self._team = team
        self._cache = cache
        self._names: list[str] | None = None
        self._found: dict[str, int | None] = {}

    def all_names(self) -> list[str]:
        """Return all node ids by their numbers; "" for a number that is not used."""
        if self._names is None:
            version = self._version()
            kept = self._cache.lists.get(self._team)
            if kept is None or kept[0] != version:
                kept = self._cache.lists[self._team] = version, self._read_names(version.last)
            self._names = kept[1]
        return self._names

    def all_numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        names = self.all_names()
        kept = self._cache.numbers.get(self._team)
        if kept is None or kept[0] is not names:
            numbers = {nodeid: number for number, nodeid in enumerate(names) if nodeid}
            kept = self._cache.numbers[self._team] = names, numbers
        return kept[1]

    def number_of(self, nodeid: str) -> int | None:
        """Return the number of a node id; None for an unknown one."""
        if nodeid not in self._found:
            query = select(node.c.id).where(node.c.team == self._team, node.c.hash == node_hash(nodeid))
            self._found[nodeid] = self._connection.execute(query).scalar()
        return self._found[nodeid]

    def _version(self) -> _Version:
        mine = node.c.team == self._team
        generation = select(team_table.c.generation).where(team_table.c.id == self._team).scalar_subquery()
        row: Any = self._connection.execute(
            select(generation, func.count(), func.coalesce(func.max(node.c.id), -1)).where(mine)
        ).one()
        return _Version(*row)

    def _read_names(self, last: int) -> list[str]:
        names = [""] * (last + 1)
        query = select(node.c.id, node.c.nodeid, node.c.exact).where(node.c.team == self._team)
        for number, nodeid, exact in self._connection.execute(query):
            names[number] = nodeid if exact is None else exact.decode("utf-8", "surrogatepass")
        return names
