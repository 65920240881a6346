"""Work on the objects of segments whose bodies are in a bucket."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; which rows name an object, the column `place` of segments says since the first revision."""
    # Bytes of a body that is in a bucket.
    op.add_column("segment", sa.Column("size", sa.Integer(), nullable=True))
    op.create_table(
        "object_work",
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, server_default=""),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("done", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("team", "stream", "kind", "place", name="object_work_pkey"),
    )
