"""API keys: `ik_ID_SECRET`, shown once; the database has a hash of the secret alone."""

import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from ..database.tables import key, team

SCOPES: Final = ("read", "write", "purge", "admin", "metrics")
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "reader": ("read",),
    "writer": ("read", "write"),
    "admin": ("read", "write", "purge", "admin", "metrics"),
}
"""Names for sets of scopes."""

_SECRET_BYTES: Final = 32
_KEY = re.compile(r"ik_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class ApiKey(NamedTuple):
    """A key, as requests and the command line see it; never with its secret."""

    id: str
    team: int
    team_name: str
    owner: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used_day: datetime | None


class KeyParts(NamedTuple):
    """Parts of the text of a key."""

    id: str
    secret: str


def split_key(text: str) -> KeyParts | None:
    """Return the parts of the text of a key, or None if it does not look like one."""
    match = _KEY.fullmatch(text)
    return None if match is None else KeyParts(*match.groups())


def hash_secret(secret: str) -> bytes:
    """Return the hash of a secret; a fast one, as 256 random bits cannot be guessed."""
    return sha256(secret.encode()).digest()


def create_key(
    connection: Connection, team_id: int, scopes: tuple[str, ...], owner: str = "", expires: datetime | None = None
) -> tuple[str, str]:
    """Make a key, and return its id and its text; the text cannot be had again.

    Raises:
        ValueError: a scope is unknown, or no scope is given.
    """
    check_scopes(scopes)
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(_SECRET_BYTES)
    row = {"id": key_id, "team": team_id, "owner": owner, "hash": hash_secret(secret), "scopes": list(scopes)}
    connection.execute(insert(key), row | {"expires": expires})
    return key_id, f"ik_{key_id}_{secret}"


def check_scopes(scopes: tuple[str, ...]) -> None:
    """Check that all scopes are known.

    Raises:
        ValueError: one is not, or no scope is given.
    """
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        raise ValueError(f"scopes {', '.join(wrong) or '(none)'}: not known; use {', '.join(SCOPES)}")


def scopes_of_role(role: str) -> tuple[str, ...]:
    """Return the scopes of a role.

    Raises:
        ValueError: there is no such role.
    """
    if role not in ROLES:
        raise ValueError(f"role {role!r}: not known; use {', '.join(ROLES)}")
    return ROLES[role]


def key_data(found: ApiKey) -> dict[str, Any]:
    """Return a key as JSON shows it."""
    state = (
        "revoked" if found.revoked else "expired" if found.expires and found.expires <= datetime.now(UTC) else "valid"
    )
    times = {
        name: None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        for name, moment in (
            ("created_at", found.created),
            ("expires_at", found.expires),
            ("revoked_at", found.revoked),
            ("last_used_day", found.last_used_day),
        )
    }
    head = {"id": found.id, "team": found.team_name, "owner": found.owner, "scopes": list(found.scopes)}
    return {**head, "state": state, **times}


_COLUMNS = (
    key.c.id,
    key.c.team,
    team.c.name.label("team_name"),
    key.c.owner,
    key.c.scopes,
    key.c.created,
    key.c.expires,
    key.c.revoked,
    key.c.last_used_day,
)


def _of_row(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        team=row.team,
        team_name=row.team_name,
        owner=row.owner,
        scopes=tuple(row.scopes),
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
        last_used_day=row.last_used_day,
    )


def list_keys(connection: Connection, team_id: int | None = None) -> list[ApiKey]:
    """Return the keys of a team, of all teams without one, the oldest first."""
    query = select(*_COLUMNS).join(team, team.c.id == key.c.team).order_by(key.c.created, key.c.id)
    if team_id is not None:
        query = query.where(key.c.team == team_id)
    return [_of_row(row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key_id: str, team_id: int | None = None) -> bool:
    """Revoke a key of a team, of any team without one, and return whether there is such a key."""
    query = update(key).where(key.c.id == key_id)
    if team_id is not None:
        query = query.where(key.c.team == team_id)
    return bool(connection.execute(query.values(revoked=func.coalesce(key.c.revoked, func.now()))).rowcount)


def valid_key(connection: Connection, key_id: str) -> ApiKey | None:
    """Return the key with an id, if it is valid now."""
    query = select(*_COLUMNS).join(team, team.c.id == key.c.team).where(key.c.id == key_id, _still_valid())
    row = connection.execute(query).one_or_none()
    return None if row is None else _of_row(row)


def _still_valid() -> "ColumnElement[bool]":
    return key.c.revoked.is_(None) & (key.c.expires.is_(None) | (key.c.expires > func.now()))


def find_key(connection: Connection, parts: KeyParts) -> tuple[ApiKey, bool] | None:
    """Return the key with an id, and whether it is valid now; None for an unknown id or another secret."""
    query = select(*_COLUMNS, key.c.hash, _still_valid().label("valid")).join(team, team.c.id == key.c.team)
    row = connection.execute(query.where(key.c.id == parts.id)).one_or_none()
    # Compared also for an unknown id, so that both answers take the same time.
    stored = bytes(32) if row is None else bytes(row.hash)
    matches = compare_digest(stored, hash_secret(parts.secret))
    return (_of_row(row), bool(row.valid)) if matches and row is not None else None
