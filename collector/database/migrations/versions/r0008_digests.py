"""Digests of packed sessions, and the lines of failed attempts next to their columns.

A process that answers questions keeps what it has read of a session, and knows by the digest whether it is still so.
Sessions that are there already have no lines of failures: those are read from the segments.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NOTABLE = ("notable_failed", "notable_rerun", "notable_flaky")
_COLUMNS = ("state", "verdicts", *_NOTABLE, *["nodes", "outcomes", "durations", "positions", "attempts", "workers"])


def upgrade() -> None:
    """Add the columns, and give each session a digest."""
    op.add_column("session", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("packed", sa.Column("failures", sa.LargeBinary(), nullable=True))
    content = " || ".join(f"int8send(length(p.{name})) || p.{name}" for name in _COLUMNS)
    update = "update session s set digest = substr(sha256({}), 1, 16) from packed p where p.session = s.id"
    op.execute(update.format(f"int8send(s.missing) || {content}"))
