"""How much of some streams is stored, as JSON that the database writes: clients ask for thousands at once."""

import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from msgspec import Raw
from sqlalchemy import Connection, text

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_FIND = text(
    """
    select coalesce(json_object_agg(replace(stream::text, '-', ''), json_build_object(
        'next', next, 'last', encode(coalesce(last, ''), 'hex'), 'state', state))::text, '{}')
    from stream where team = :team and stream = any(cast(:streams as uuid[]))
    """
)


def stream_ids(names: Iterable[str]) -> list[str]:
    """Return ids of streams as hex digits.

    Raises:
        ValueError: a name is no id.
    """
    return [name if _HEX.fullmatch(name) else UUID(name).hex for name in names]


def stored_streams(connection: Connection, team: int, streams: list[str]) -> Raw:
    """Return `{ID: {"next": N, "last": DIGEST, "state": STATE}}` of those streams that there are.

    Args:
        connection: of the database.
        team: of the key.
        streams: ids as hex digits.
    """
    array = f"{{{','.join(streams)}}}"  # hex digits alone, so that nothing has to be quoted
    return Raw(connection.execute(_FIND, {"team": team, "streams": array}).scalar_one().encode())
