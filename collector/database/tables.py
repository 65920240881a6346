"""Tables, as the code uses them; the migrations make the same ones, which a test compares."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _now() -> Column[object]:
    return Column("at", DateTime(timezone=True), nullable=False, server_default=func.now())


meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

team = Table(
    "team",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("generation", Integer, nullable=False, server_default="0"),
)

key = Table(
    "key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("team", Integer, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires", DateTime(timezone=True)),
    Column("revoked", DateTime(timezone=True)),
    Column("last_used_day", DateTime(timezone=True)),
    Index("key_team", "team"),
)

login = Table(
    "login",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("key", Text, nullable=False),
    Column("team", Integer, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index("login_expires", "expires"),
)
"""Browsers that have logged in with a key; `hash` is of what their cookie has."""

audit = Table(
    "audit",
    metadata,
    Column("n", BigInteger, Identity(always=True), primary_key=True),
    _now(),
    Column("team", Integer),
    Column("key", Text, nullable=False, server_default=""),
    Column("action", Text, nullable=False),
    Column("what", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index("audit_team_n", "team", "n"),
)

feed_position = Sequence("feed_position", metadata=metadata)

segment = Table(
    "segment",
    metadata,
    Column("n", BigInteger, Identity(always=True), nullable=False),
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("first", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("received", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("key", Text, nullable=False),
    Column("position", BigInteger),
    Column("place", Text, nullable=False, server_default=""),
    Column("body", LargeBinary),
    Column("size", Integer),
    # Segments of a stream never overlap, so the first seq tells them apart; a defect in the comparison of overlaps
    # becomes an error of the database and not an event that is stored twice.
    PrimaryKeyConstraint("team", "stream", "first", name="segment_pkey"),
    Index("segment_team_position", "team", "position"),
    Index("segment_unordered", "n", postgresql_where=text("position is null")),
)

stream = Table(
    "stream",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("next", Integer, nullable=False, server_default="0"),
    Column("top", Integer, nullable=False, server_default="0"),
    Column("last", LargeBinary),
    Column("low", Integer),
    Column("started", DateTime(timezone=True)),
    Column("sealed", Integer),
    Column("state", Text, nullable=False, server_default="live"),
    PrimaryKeyConstraint("team", "stream", name="stream_pkey"),
    Index("stream_team_started", "team", "started", "stream"),
)

conflict = Table(
    "conflict",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("have", LargeBinary, nullable=False),
    Column("got", LargeBinary, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("key", Text, nullable=False),
    _now(),
    PrimaryKeyConstraint("team", "stream", "seq", "got", name="conflict_pkey"),
)

object_work = Table(
    "object_work",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
    _now(),
    Column("done", DateTime(timezone=True)),
    PrimaryKeyConstraint("team", "stream", "kind", "place", name="object_work_pkey"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    PrimaryKeyConstraint("team", "stream", "seq", "digest", name="tombstone_pkey"),
)
