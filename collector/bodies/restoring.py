"""Bodies in a bucket after the restore of a backup, which has the rows that name them alone."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select, tuple_, update

from ..database.tables import segment
from ..ingest.locking import lock_streams
from ..ingest.purging import renew_stream
from ..views.removing import remove_from_views
from .moving import PlannedMove
from .names import stream_prefix
from .owning import BodySettings, change_settings, claim_bucket, owner_id, read_settings
from .store import BodyStore


class BodiesElsewhere(NamedTuple):
    """Segments whose bodies are in a bucket, and not in a backup of the database."""

    url: str
    """Empty without a bucket."""
    segments: int


def count_elsewhere(engine: Engine) -> BodiesElsewhere:
    """Return the bucket of a database, and how many segments have their bodies there."""
    with engine.connect() as connection:
        settings = read_settings(connection)
        if not settings.url:
            return BodiesElsewhere("", 0)
        query = select(func.count()).select_from(segment).where(segment.c.place != "")
        return BodiesElsewhere(settings.url, connection.execute(query).scalar_one())


def adopt_bucket(engine: Engine, store: BodyStore) -> int:
    """Let a restored database have a bucket; drop rows whose objects are gone, and return their number.

    The restored database has another epoch, so that clients send again what was dropped.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now.
    """
    claim_bucket(store, owner_id(engine), replace=True)
    with engine.begin() as connection:
        change_settings(connection, BodySettings(store.url, read_settings(connection).to_database))
    missing = 0
    for rows in PlannedMove(engine, to_bucket=False).batches():
        team, names = rows[0].team, sorted({row.stream for row in rows})
        listed = store.list_all(stream_prefix(team, name) for name in names)
        there = {entry.key for entries in listed for entry in entries if entry.size}
        gone = [row for row in rows if row.place not in there]
        if gone:
            with engine.begin() as connection:
                _drop_rows(connection, team, gone)
        missing += len(gone)
    return missing


def _drop_rows(connection: Connection, team: int, rows: list[Any]) -> None:
    names = sorted({row.stream for row in rows})
    lock_streams(connection, team, names)
    mine = segment.c.team == team
    keys = [(row.stream, row.first) for row in rows]
    connection.execute(delete(segment).where(mine, tuple_(segment.c.stream, segment.c.first).in_(keys)))
    # What is left gets new places in the feed, so that it is folded again.
    connection.execute(update(segment).where(mine, segment.c.stream.in_(names)).values(position=None))
    remove_from_views(connection, team, names)
    for name in names:
        renew_stream(connection, team, name)
