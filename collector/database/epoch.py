"""Epoch: which life of the database positions belong to.

It changes when a backup is restored, when another server takes over and when the database is made again: a client then
negotiates all streams, and pushes what the database has lost.
"""

from hashlib import blake2b

from sqlalchemy import Connection, text

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
