"""Shapes of `insight serve`, `insight keys`, `insight teams` and `insight db`."""

from typing import Literal

from .base import Shape, Utc


class ServingShape(Shape):
    """A collector that begins to serve."""

    url: str
    key: str
    """Admin key of a new database, shown only now; else empty."""
    database: str


class MadeKeyShape(Shape):
    """A new API key; its text is shown only now."""

    id: str
    key: str
    team: str
    scopes: list[str]


class KeyShape(Shape):
    """An API key without its secret."""

    id: str
    team: str
    owner: str
    scopes: list[str]
    state: Literal["valid", "expired", "revoked"]
    created_at: Utc | None
    expires_at: Utc | None
    revoked_at: Utc | None
    last_used_day: Utc | None


class RevokedKeyShape(Shape):
    """A key that was revoked."""

    id: str
    state: Literal["revoked"]


class TeamShape(Shape):
    """A team."""

    name: str


class UpgradedSchemaShape(Shape):
    """The schema of the database before and after."""

    before: str
    """Empty for a new database."""
    after: str


class CheckedDatabaseShape(Shape):
    """Outcome of a check of the database."""

    ok: bool
    findings: list[str]


class BackupShape(Shape):
    """A backup that was written."""

    file: str
    bytes: int


class RestoredBackupShape(Shape):
    """A backup that was restored."""

    file: str
