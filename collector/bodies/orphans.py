"""Objects that no row names, as pushes leave them that were cut off before their commit."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Final, NamedTuple

from sqlalchemy import Engine, text

from .names import ROOT, ObjectName, parse_name
from .owning import require_owner
from .removing import note_unnamed, remove_objects
from .store import BodyStore

REMOVED_AFTER: Final = timedelta(days=1)
"""Age from which an orphan is removed; a younger one may belong to a push that runs."""

_BATCH: Final = 1000
_KNOWN = text(
    """
    select s.place from unnest(cast(:teams as int[]), cast(:streams as uuid[]), cast(:firsts as int[]))
        as listed(team, stream, first)
    join segment s on s.team = listed.team and s.stream = listed.stream and s.first = listed.first
    union all
    select place from object_work where kind = 'delete' and done is null and place = any(:places)
    """
)


class OrphanObject(NamedTuple):
    """An object that no row names."""

    name: ObjectName
    size: int
    modified: datetime

    def is_old(self, now: datetime) -> bool:
        """Return whether it may be removed."""
        return now - self.modified > REMOVED_AFTER


def find_orphans(engine: Engine, store: BodyStore) -> Iterator[OrphanObject]:
    """Yield the objects that no row names, those of running pushes too; not those that are being deleted.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now.
    """
    listed = (
        OrphanObject(name, entry.size, entry.modified)
        for entry in store.list_below(ROOT)
        if (name := parse_name(entry.key)) is not None
    )
    while batch := list(islice(listed, _BATCH)):
        known = _known_names(engine, batch)
        yield from (one for one in batch if one.name.text() not in known)


def remove_orphans(
    engine: Engine, store: BodyStore, orphans: Sequence[OrphanObject], now: datetime | None = None
) -> int:
    """Delete those of some orphans that are old enough and that still no row names; return their number.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now.
        SegmentsSettingError: it belongs to another database.
    """
    moment = now or datetime.now(UTC)
    require_owner(engine, store)
    old = sorted(one.name for one in orphans if one.is_old(moment))
    count = 0
    for (team, stream), names in groupby(old, key=lambda name: (name.team, name.stream)):
        count += note_unnamed(engine, team, stream, [name.text() for name in names])
        remove_objects(engine, store, [stream])
    return count


def _known_names(engine: Engine, batch: Sequence[OrphanObject]) -> set[str]:
    names = [one.name for one in batch]
    values = {
        "teams": [name.team for name in names],
        "streams": [name.stream for name in names],
        "firsts": [name.first for name in names],
        "places": [name.text() for name in names],
    }
    with engine.connect() as connection:
        return set(connection.execute(_KNOWN, values).scalars())
