"""Cache of a process that answers questions: what it has read of a database before."""

from sqlalchemy import Connection, select

from ..database.tables import segment
from .kept import KeptSessions
from .names import NamesCache


class HistoryCache:
    """Cache of what a process has read of all teams of one database; for one question at a time.

    Args:
        names: node ids, which questions that are asked at once may share.
    """

    def __init__(self, names: NamesCache | None = None) -> None:
        self.names = names or NamesCache()
        self.sessions = KeptSessions()
        self._ends: dict[int, tuple[int, bytes]] = {}

    def check(self, connection: Connection, team: int, position: int) -> None:
        """Forget all if the database is another one than before: an older copy gives numbers of node ids again.

        Args:
            connection: in the transaction of a question.
            team: id of the team.
            position: end of its feed.
        """
        known = self._ends.get(team)
        asked = {position} if known is None else {position, known[0]}
        query = select(segment.c.position, segment.c.digest).where(
            segment.c.team == team, segment.c.position.in_(asked)
        )
        found: dict[int, bytes] = {row.position: row.digest for row in connection.execute(query)}
        if known is not None and found.get(known[0]) != known[1]:
            self.names = NamesCache()
            self.sessions.clear()
            self._ends.clear()
        if position in found:
            self._ends[team] = position, found[position]
