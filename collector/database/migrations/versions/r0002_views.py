"""Tables of the views: sessions, results, counts a day."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def _column(name: str, kind: "sa.types.TypeEngine[Any]", *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, kind, nullable=null)


def _time(name: str, *, null: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    """Make the tables; they are filled from the segments by the servers."""
    op.execute("create schema months")
    op.execute("create schema insight")
    _make_checkpoints()
    _make_sessions()
    _make_results()
    _make_others()


def _make_checkpoints() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("team", sa.Integer(), primary_key=True, autoincrement=False),
        _column("rules", sa.Text()),
        _column("position", sa.BigInteger()),
        _time("at"),
    )
    op.create_table(
        "folded",
        _column("team", sa.Integer()),
        _column("stream", sa.Uuid()),
        _column("position", sa.BigInteger()),
        _time("at"),
        _column("wait_s", sa.Integer()),
        _time("due", null=True),
        _column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("team", "stream", name="folded_pkey"),
    )
    op.create_index("folded_due", "folded", ["team", "due"], postgresql_where=sa.text("due is not null"))


def _make_sessions() -> None:
    texts = ("commit_id", "branch", "python", "pytest", "host", "platform", "test_run")
    counts = ("tests", "passed", "failed", "error", "crashed", "skipped", "flaky", "missing")
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        _column("team", sa.Integer()),
        _column("label", sa.Text()),
        _column("session_id", sa.Text(), null=True),
        _column("stream", sa.Uuid()),
        _column("sut", sa.Text()),
        _time("started_at"),
        _column("duration_s", sa.Float()),
        _column("status", sa.Text()),
        _column("exit_status", sa.BigInteger(), null=True),
        *(_column(name, sa.Text()) for name in texts[:2]),
        _column("dirty", sa.BigInteger(), null=True),
        *(_column(name, sa.Text()) for name in texts[2:]),
        *(_column(name, sa.BigInteger()) for name in counts),
        _column("verdicts", postgresql.JSONB()),
        _column("workers", postgresql.JSONB()),
        _column("others", postgresql.JSONB()),
    )
    op.create_index("session_team_stream", "session", ["team", "stream"], unique=True)
    op.create_index("session_team_started", "session", ["team", "started_at"])
    op.create_index("session_team_label", "session", ["team", sa.text("md5(label)")])
    op.create_table(
        "node",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        _column("team", sa.Integer()),
        _column("hash", sa.LargeBinary()),
        _column("nodeid", sa.Text()),
    )
    op.create_index("node_team_hash", "node", ["team", "hash"], unique=True)
    op.create_index("node_nodeid", "node", ["nodeid"], postgresql_using="hash")


def _make_results() -> None:
    small = ("outcome", "attempt", "verdict", "runs", "worker")
    op.create_table(
        "result",
        _time("at"),
        _column("duration_us", sa.BigInteger()),
        *(_column(name, sa.Integer()) for name in ("team", "session", "node", "seq")),
        *(_column(name, sa.SmallInteger()) for name in small),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("result_team_node_at", "result", ["team", "node", "at"])
    op.create_index("result_session", "result", ["session"])
    op.create_index(
        "result_notable",
        "result",
        ["team", "at"],
        postgresql_include=["node", "verdict", "session"],
        postgresql_where=sa.text("verdict not in (-1, 0, 3)"),
    )
    op.execute("create table months.other partition of result default")


def _make_others() -> None:
    op.create_table(
        "test_day",
        _column("team", sa.Integer()),
        _column("node", sa.Integer()),
        _column("sut", sa.Text()),
        _column("day", sa.Date()),
        *(_column(name, sa.Integer()) for name in ("runs", "passed", "failed", "skipped", "flaky")),
        _column("duration_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("team", "node", "sut", "day", name="test_day_pkey"),
    )
    op.create_table(
        "change",
        _column("team", sa.Integer()),
        _column("stream", sa.Uuid()),
        *(_column(name, sa.Text()) for name in ("target", "at", "digest", "what")),
        sa.PrimaryKeyConstraint("team", "stream", "target", "at", "digest", "what", name="change_pkey"),
    )
    op.create_index("change_team_target", "change", ["team", "target"])
    op.create_table(
        "reader",
        _column("role", sa.Text()),
        _column("team", sa.Integer()),
        sa.PrimaryKeyConstraint("role", "team", name="reader_pkey"),
    )
