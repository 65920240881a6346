"""Tables of the views, as the code uses them; all of them can be made again from the segments."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ...core.history.table_columns import SESSION
from .tables import metadata

_TYPES = {"TEXT": Text, "INTEGER": BigInteger, "REAL": Float}
_OWN_TYPES: dict[str, Any] = {"stream": Uuid, "started_at": DateTime(timezone=True)}
_NULLABLE = frozenset({"session_id", "exit_status", "dirty"})

SESSION_COLUMNS = tuple(read.column.name for read in SESSION)
"""Columns of a session that `insight sql` has, too."""


def _session_columns() -> list["Column[Any]"]:
    return [
        Column(name, _OWN_TYPES.get(name) or _TYPES[kind], nullable=name in _NULLABLE)
        for name, kind, _ in (read.column for read in SESSION)
    ]


checkpoint = Table(
    "checkpoint",
    metadata,
    Column("team", Integer, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""How far the views of a team reach; written in the transaction that writes the views."""

folded = Table(
    "folded",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("wait_s", Integer, nullable=False),
    Column("due", DateTime(timezone=True)),
    Column("problem", Text, nullable=False),
    PrimaryKeyConstraint("team", "stream", name="folded_pkey"),
    Index("folded_due", "team", "due", postgresql_where=text("due is not null")),
)
"""When a stream was folded, up to which position, and when it is folded again; `problem` says why it has no rows."""

session = Table(
    "session",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("team", Integer, nullable=False),
    Column("label", Text, nullable=False),
    *_session_columns(),
    Column("verdicts", JSONB, nullable=False),
    Column("workers", JSONB, nullable=False),
    Column("others", JSONB, nullable=False),
    Column("digest", LargeBinary),
    Index("session_team_stream", "team", "stream", unique=True),
    Index("session_team_started", "team", "started_at"),
    Index("session_team_label", "team", text("md5(label)")),
)
"""`session_id` is the name that a session is shown by; null for one that is hidden. `digest` is that of its columns in
`packed`, so that a process knows whether it has read them before."""

PACKED_COLUMNS = ("nodes", "outcomes", "durations", "positions", "attempts", "workers")
NOTABLE_COLUMNS = ("notable_failed", "notable_rerun", "notable_flaky")

CONTENT_COLUMNS = ("state", "verdicts", *NOTABLE_COLUMNS, *PACKED_COLUMNS, "failures")
"""Columns of `packed` that an answer is made of."""

packed = Table(
    "packed",
    metadata,
    Column(
        "session",
        Integer,
        ForeignKey("session.id", name="packed_session_fkey", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("team", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("verdicts", LargeBinary, nullable=False),
    *(Column(name, LargeBinary, nullable=False) for name in (*NOTABLE_COLUMNS, *PACKED_COLUMNS)),
    Column("unreported", ARRAY(Integer)),
    Column("failures", LargeBinary),
)
"""Folded state of a session and its attempts in columns, as the read model of the command line stores them.

Numbers of node ids are those of `node`. `unreported` has those that no row of `result` has: they were announced only.
`failures` has the lines of failed attempts, as far as they are short; null for sessions of before there was the column.
"""

node = Table(
    "node",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("team", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("nodeid", Text, nullable=False),
    Column("exact", LargeBinary),
    Index("node_team_hash", "team", "hash", unique=True),
    # Node ids may be longer than a row of a tree, and are looked up as wholes.
    Index("node_nodeid", "nodeid", postgresql_using="hash"),
)
"""`exact` has the bytes of a node id that a text of PostgreSQL cannot hold as it is."""

result = Table(
    "result",
    metadata,
    Column("at", DateTime(timezone=True), nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("team", Integer, nullable=False),
    Column("session", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("runs", SmallInteger, nullable=False),
    Column("worker", SmallInteger, nullable=False),
    Index("result_team_node_at", "team", "node", "at"),
    Index("result_session", "session"),
    Index(
        "result_notable",
        "team",
        "at",
        postgresql_include=["node", "verdict", "session"],
        postgresql_where=text("verdict not in (-1, 0, 3)"),
    ),
    postgresql_partition_by="RANGE (at)",
)
"""One row for each attempt, and one for each test that was started and has no result.

The columns are ordered by size, without gaps between them. `at` is the start of the session.
"""

test_day = Table(
    "test_day",
    metadata,
    Column("team", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    Column("sut", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("flaky", Integer, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("team", "node", "sut", "day", name="test_day_pkey"),
    Index("test_day_team_day", "team", "day"),
)

change = Table(
    "change",
    metadata,
    Column("team", Integer, nullable=False),
    Column("stream", Uuid, nullable=False),
    Column("target", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("what", Text, nullable=False),
    PrimaryKeyConstraint("team", "stream", "target", "at", "digest", "what", name="change_pkey"),
    Index("change_team_target", "team", "target"),
)
"""Events of a stream that hide or show the session `target`; `what` is `purged` for one that was purged."""

reader = Table(
    "reader",
    metadata,
    Column("role", Text, nullable=False),
    Column("team", Integer, nullable=False),
    PrimaryKeyConstraint("role", "team", name="reader_pkey"),
)
"""Roles of the database that may read the documented tables, and the teams that they see."""

VIEW_METADATA = metadata
"""All tables, those of the log and those of the views."""
