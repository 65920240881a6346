"""Browsers that have logged in with a key: their cookies hold a random text, and the database its hash alone.

A login lasts as long as its key, and at most `LOGIN_DAYS`.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select

from ..database.tables import login
from .keys import ApiKey, hash_secret, valid_key
from .recent import RecentKeys

LOGIN_DAYS: Final = 30
_TOKEN_BYTES: Final = 32


def create_login(connection: Connection, owner: ApiKey) -> str:
    """Log a browser in with a key, and return the text for its cookie; logins that have expired are removed."""
    connection.execute(delete(login).where(login.c.expires <= func.now()))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    until = datetime.now(UTC) + timedelta(days=LOGIN_DAYS)
    expires = min(until, owner.expires) if owner.expires else until
    row = {"hash": hash_secret(token), "key": owner.id, "team": owner.team, "expires": expires}
    connection.execute(insert(login), row)
    return token


def end_login(connection: Connection, token: str) -> bool:
    """End a login, and return whether there was one."""
    return bool(connection.execute(delete(login).where(login.c.hash == hash_secret(token))).rowcount)


def find_login(connection: Connection, token: str) -> ApiKey | None:
    """Return the key of a login that lasts; None for an unknown one, and if it or its key has ended."""
    query = select(login.c.key).where(login.c.hash == hash_secret(token), login.c.expires > func.now())
    key_id = connection.execute(query).scalar()
    return None if key_id is None else valid_key(connection, key_id)


class LoginLookup:
    """Finds the keys of logins, and remembers them for a few seconds.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.recent = RecentKeys()

    def find(self, token: str) -> ApiKey | None:
        """Return the key of a login; None without one that lasts."""
        name = hash_secret(token)
        found = self.recent.get(name)
        if found is not None:
            return found
        with self._engine.connect() as connection:
            found = find_login(connection, token)
        if found is None:
            self.recent.forget(name)
        else:
            self.recent.put(name, found)
        return found

    def forget(self, token: str) -> None:
        """Look a login up again when it is used next."""
        self.recent.forget(hash_secret(token))
