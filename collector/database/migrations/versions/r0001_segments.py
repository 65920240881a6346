"""Teams, keys, segments, streams, conflicts."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_NOW = sa.text("now()")
_EMPTY = sa.text("'{}'::jsonb")


def _time(name: str, **more: object) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), **more)  # type: ignore[arg-type]


def upgrade() -> None:
    """Make the tables that hold the log and the keys to it."""
    _make_access()
    _make_log()
    op.execute(sa.text("insert into meta values ('epoch', :epoch)").bindparams(epoch=secrets.token_hex(8)))


def _make_access() -> None:
    op.create_table(
        "meta", sa.Column("name", sa.Text(), primary_key=True), sa.Column("value", sa.Text(), nullable=False)
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("settings", postgresql.JSONB(), nullable=False, server_default=_EMPTY),
        sa.Column("generation", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_table(
        "key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, server_default=""),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        _time("created", nullable=False, server_default=_NOW),
        _time("expires"),
        _time("revoked"),
        _time("last_used_day"),
    )
    op.create_index("key_team", "key", ["team"])
    op.create_table(
        "audit",
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        _time("at", nullable=False, server_default=_NOW),
        sa.Column("team", sa.Integer()),
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("what", postgresql.JSONB(), nullable=False, server_default=_EMPTY),
    )
    op.create_index("audit_team_n", "audit", ["team", "n"])


def _make_log() -> None:
    _make_segments()
    _make_streams()


def _make_segments() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("feed_position")))
    op.create_table(
        "segment",
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        _time("received", nullable=False, server_default=_NOW),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("place", sa.Text(), nullable=False, server_default=""),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("team", "stream", "first", name="segment_pkey"),
    )
    # Bodies are compressed already: PostgreSQL would only spend time on them.
    op.execute("alter table segment alter body set storage external")
    op.create_index("segment_team_position", "segment", ["team", "position"])
    op.create_index("segment_unordered", "segment", ["n"], postgresql_where=sa.text("position is null"))


def _make_streams() -> None:
    op.create_table(
        "stream",
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("top", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last", sa.LargeBinary()),
        sa.Column("low", sa.Integer()),
        _time("started"),
        sa.Column("sealed", sa.Integer()),
        sa.Column("state", sa.Text(), nullable=False, server_default="live"),
        sa.PrimaryKeyConstraint("team", "stream", name="stream_pkey"),
    )
    op.create_index("stream_team_started", "stream", ["team", "started", "stream"])
    op.create_table(
        "conflict",
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("have", sa.LargeBinary(), nullable=False),
        sa.Column("got", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        _time("at", nullable=False, server_default=_NOW),
        sa.PrimaryKeyConstraint("team", "stream", "seq", "got", name="conflict_pkey"),
    )
    op.create_table(
        "tombstone",
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("team", "stream", "seq", "digest", name="tombstone_pkey"),
    )
