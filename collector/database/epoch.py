"""Epoch: which life of the database positions belong to.

It changes when a backup is restored, when another server takes over and when the database is made again: a client then
negotiates all streams, and pushes what the database has lost.
"""

import time
from hashlib import blake2b
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text

_KEPT_S: Final = 1.0

_LIFE = text(
    """
    select (select system_identifier from pg_control_system()),
           case when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
                else ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int end,
           (select oid from pg_database where datname = current_database()),
           (select value from meta where name = 'epoch')
    """
)


def read_epoch(connection: Connection) -> str:
    """Return the epoch, 16 hex digits."""
    life = "/".join(map(str, connection.execute(_LIFE).one()))
    return blake2b(life.encode(), digest_size=8).hexdigest()


_kept: WeakKeyDictionary[Engine, tuple[float, str]] = WeakKeyDictionary()


def recent_epoch(engine: Engine) -> str:
    """Return the epoch, not older than a second: a push needs it, and shall cost no more questions than it must.

    A cursor of an epoch that ended within that second is refused when it is used.
    """
    now_s = time.monotonic()
    read_s, epoch = _kept.get(engine, (float("-inf"), ""))
    if now_s - read_s > _KEPT_S:
        with engine.connect() as connection:
            epoch = read_epoch(connection)
        _kept[engine] = now_s, epoch
    return epoch
