"""The key of a request: looked up in the database, and remembered for a few seconds."""

import math
import threading
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Engine, func, update

from ..database.tables import key as key_table
from ..problems import ProblemError
from .audit import record_action
from .keys import ApiKey, find_key, split_key
from .rates import TokenBuckets
from .recent import CACHE_S, RecentKeys

RECORDED_MAX: Final = 3_000
"""Wrong keys that are recorded in a minute, one by one."""

GUESSES_MAX: Final = 600
"""Wrong keys in a minute that are answered with 401; those who send more are asked to wait. Right keys are not."""

_SCHEME = "bearer "


class KeyLookup:
    """Finds the keys of requests.

    Args:
        engine: of the database.
        cache_s: seconds for which a valid key is remembered.
        guesses: wrong keys in a minute that are answered without a pause.
    """

    def __init__(self, engine: Engine, cache_s: float = CACHE_S, guesses: int = GUESSES_MAX) -> None:
        self._engine = engine
        self.recent = RecentKeys(cache_s)
        self._lock = threading.Lock()
        # A program that guesses keys does not fill the disk.
        self._recorded = TokenBuckets(RECORDED_MAX)
        self._guesses = TokenBuckets(guesses)
        self._unrecorded = 0

    def authorize(self, header: str | None, scope: str) -> ApiKey:
        """Return the key of a request that needs a scope.

        Args:
            header: `Authorization` of the request.
            scope: needed.

        Raises:
            ProblemError: there is no key, it is not valid, or it lacks the scope.
        """
        found = self.find(header)
        self.require_scope(found, scope)
        return found

    def require_scope(self, found: ApiKey, scope: str) -> None:
        """Check that a key has a scope.

        Raises:
            ProblemError: it lacks the scope, which is recorded.
        """
        if scope not in found.scopes:
            detail = f"key {found.id}: lacks the scope {scope}; ask an admin of the team"
            raise self.record_refusal(found, ProblemError("missing-scope", detail), scope=scope)

    def record_refusal(self, found: ApiKey, problem: ProblemError, **what: str) -> ProblemError:
        """Record in the audit that a request with a valid key is refused, and return the problem."""
        with self._engine.begin() as connection:
            record_action(connection, "refused", team=found.team, key=found.id, reason=problem.kind, **what)
        return problem

    def find(self, header: str | None) -> ApiKey:
        """Return the valid key of a request.

        Raises:
            ProblemError: there is no key, or it is not valid.
        """
        if not header or header[: len(_SCHEME)].lower() != _SCHEME:
            raise ProblemError(
                "no-key", "Authorization: missing; send `Authorization: Bearer ik_...`", {"WWW-Authenticate": "Bearer"}
            )
        text = header[len(_SCHEME) :].strip()
        # The cache has no secret in it, neither.
        name = sha256(text.encode("utf-8", "surrogateescape")).digest()
        found = self.recent.get(name)
        if found is None:
            found = self._look_up(text)
            self.recent.put(name, found)
        return found

    def _look_up(self, text: str) -> ApiKey:
        parts = split_key(text)
        with self._engine.begin() as connection:
            found = None if parts is None else find_key(connection, parts)
            if found is not None and found[1]:
                today = func.date_trunc("day", func.now())
                old = key_table.c.last_used_day.is_(None) | (key_table.c.last_used_day < today)
                mark = update(key_table).where(key_table.c.id == found[0].id, old)
                connection.execute(mark.values(last_used_day=today))
                return found[0]
            team = None if found is None else found[0].team
            key_id = "" if parts is None else parts.id
            self._record_bad_key(connection, team, key_id)
        wait_s = math.ceil(self._guesses.take("wrong"))
        if wait_s:
            detail = f"too many wrong API keys; send the right one, or repeat it after {wait_s} s"
            raise ProblemError("too-many-requests", detail, {"Retry-After": str(wait_s)})
        reason = "it is revoked or has expired" if found else "there is no such key"
        raise ProblemError(
            "bad-key",
            f"API key {key_id or '(malformed)'}: {reason}; ask an admin of the team for a new one",
            {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    def _record_bad_key(self, connection: Connection, team: int | None, key_id: str) -> None:
        """Record the use of a wrong key; of very many in a minute, the number alone."""
        with self._lock:
            if self._recorded.take("bad-key"):
                self._unrecorded += 1
                return
            more, self._unrecorded = ({"unrecorded": self._unrecorded} if self._unrecorded else {}), 0
        record_action(connection, "refused", team=team, key=key_id, reason="bad-key", **more)
