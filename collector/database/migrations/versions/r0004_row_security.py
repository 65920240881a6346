"""Row-level security by team.

A revision of its own, so that a database without it is told from one that has it. `row_security` makes the policies
after each upgrade, as it does for tables of later revisions.
"""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change no table."""
