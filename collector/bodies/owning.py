"""The database that a bucket belongs to, and where new bodies go.

The database remembers the URL of its bucket, so that a server without it does not start. The bucket has an object with
the id of its database: another database, such as a restored copy, could delete objects that this one needs.
"""

from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert as upsert

from ...eventlog.errors import EventLogError
from ..database.tables import meta
from .attaching import bodies_of
from .names import OWNER_NAME
from .store import BodiesUnavailableError, BodyStore

_URL: Final = "segments"
"""Name of the setting with the URL of the bucket."""

_TARGET: Final = "segments_target"
"""Name of the setting for where new bodies go, while those of the bucket are moved to the database."""

_LOCK: Final = 0x1251_4703
"""Number of the lock under which the settings change; a transaction that stores rows with places shares it."""


class SegmentsSettingError(EventLogError):
    """The bucket of the options is not that of the database; the message has a hint."""


class BucketOwner(msgspec.Struct):
    """The database that a bucket belongs to."""

    database: str


class BodySettings(msgspec.Struct):
    """Settings of a database for the bodies of its segments."""

    url: str = ""
    """Empty if all bodies are in the database."""
    to_database: bool = False
    """New bodies go to the database: those of the bucket are moved there."""


def read_settings(connection: Connection) -> BodySettings:
    """Return the settings for the bodies of segments."""
    query = text("select name, value from meta where name in (:url, :target)")
    found = {row.name: row.value for row in connection.execute(query, {"url": _URL, "target": _TARGET})}
    return BodySettings(found.get(_URL, ""), found.get(_TARGET) == "database")


def share_settings(connection: Connection) -> BodySettings:
    """Return the settings, which do not change until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})
    return read_settings(connection)


def change_settings(connection: Connection, settings: BodySettings) -> None:
    """Change the settings; the lock of them waits for transactions that store rows with places."""
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    for name, value in ((_URL, settings.url), (_TARGET, "database" if settings.to_database else "")):
        if value:
            change = upsert(meta).values(name=name, value=value)
            connection.execute(change.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
        else:
            connection.execute(meta.delete().where(meta.c.name == name))


def check_segments(engine: Engine, *, adopt: bool = False) -> BodySettings:
    """Check that the bucket of an engine is that of its database, and return the settings.

    Args:
        engine: of the database, with the bucket of the options.
        adopt: a server starts: a database without a bucket gets this one, and one that is away now is no error.

    Raises:
        SegmentsSettingError: it is another one, or one is missing.
        BodiesUnavailableError: the bucket does not answer, or refuses.
    """
    with engine.connect() as connection:
        settings, owner = read_settings(connection), _id_of(connection)
    store = bodies_of(engine)
    if store is None:
        if settings.url:
            raise SegmentsSettingError(
                f"database: its segments have their bodies in {settings.url}; give --segments {settings.url},"
                " or set INSIGHT_SEGMENTS, with the credentials for it"
            )
        return settings
    if settings.url:
        try:
            _check_owner(store, owner)
        except BodiesUnavailableError:
            if adopt and settings.url == store.url:
                return settings  # what needs no body goes on; the bucket was checked when it was set
            raise
        if settings.url == store.url or not adopt:
            return settings
        settings.url = store.url  # a copy of the bucket, with the object that names this database
    elif adopt:
        claim_bucket(store, owner)
        settings = BodySettings(store.url)
    else:
        raise SegmentsSettingError(
            f"{store.url}: the database has all of its bodies itself; leave --segments out, or unset INSIGHT_SEGMENTS"
        )
    with engine.begin() as connection:
        change_settings(connection, settings)
    return settings


def claim_bucket(store: BodyStore, owner: str, *, replace: bool = False) -> None:
    """Write into a bucket which database it belongs to.

    Args:
        store: the bucket.
        owner: id of the database.
        replace: also if it belongs to another one, as after the restore of a backup.

    Raises:
        SegmentsSettingError: it belongs to another one.
    """
    found = read_owner(store)
    if found not in ("", owner) and not replace:
        raise SegmentsSettingError(
            f"{store.url}: the objects there belong to another database; give another prefix,"
            " or restore a backup with --segments to let a restored database have them"
        )
    if found != owner:
        store.write_all({OWNER_NAME: msgspec.json.encode(BucketOwner(owner))})
        store.cache.drop(OWNER_NAME)


def read_owner(store: BodyStore) -> str:
    """Return the id of the database that a bucket belongs to; empty for a new one."""
    store.cache.drop(OWNER_NAME)
    data = store.read_all([OWNER_NAME])[OWNER_NAME]
    store.cache.drop(OWNER_NAME)
    if data is None:
        return ""
    try:
        return msgspec.json.decode(data, type=BucketOwner).database
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SegmentsSettingError(f"{store.url}: {OWNER_NAME} is damaged: {error}; see docs/collector.md") from error


def require_owner(engine: Engine, store: BodyStore) -> None:
    """Check that a bucket belongs to a database: only then objects of it may be deleted.

    Raises:
        SegmentsSettingError: it does not.
    """
    _check_owner(store, owner_id(engine))


def owner_id(engine: Engine) -> str:
    """Return the id of a database; a restored one has another."""
    with engine.connect() as connection:
        return _id_of(connection)


def _check_owner(store: BodyStore, owner: str) -> None:
    found = read_owner(store)
    if not found:
        raise SegmentsSettingError(
            f"{store.url}: no object of this database is there; check the URL, or that the folder is mounted"
        )
    if found != owner:
        raise SegmentsSettingError(
            f"{store.url}: the objects there belong to another database; a backup is restored with --segments"
        )


def _id_of(connection: Connection) -> str:
    return connection.execute(text("select value from meta where name = 'epoch'")).scalar_one()
