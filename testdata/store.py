"""The store of test data: one journal in a folder, the state it folds into, and who we are in it."""

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from ..eventlog.errors import EventTooLargeError
from ..eventlog.files.system import SYSTEM
from ..eventlog.journal import Journal, Transaction
from . import events as ev
from .errors import DataTooLargeError
from .generation.events import GENERATION_EVENTS
from .identity import own_identity, verdict_on
from .keeper import Keeper
from .state import Hold, OwnerState, TestDataState

__all__ = ["EVENTS_FILE", "PATH_VARIABLE", "Store", "default_base_path"]

EVENTS_FILE = "events.jsonl"
PATH_VARIABLE = "PYTEST_INSIGHT_TEST_DATA"


def default_base_path() -> Path:
    """Return the folder of test data: PYTEST_INSIGHT_TEST_DATA, else `test_data` in the working directory."""
    return Path(os.environ.get(PATH_VARIABLE) or "test_data")


@cache
def _identity_of(_pid: int) -> ev.Owner:
    return own_identity()


class Store:
    """Test data of one folder, shared by all threads and processes that name it.

    Args:
        base_path: the folder; it is created with the first event. Default: `default_base_path()`.
        owner: who acts; default: this process.
        lock_timeout_s: how long a transaction may wait for other processes, in seconds.
        lease_s: after how long without a sign of life those who cannot look at this process may take it for gone.
    """

    def __init__(
        self,
        base_path: str | os.PathLike[str] | None = None,
        *,
        owner: ev.Owner | None = None,
        lock_timeout_s: float = 30.0,
        lease_s: float = 60.0,
    ) -> None:
        self.base_path = Path(os.path.abspath(default_base_path() if base_path is None else base_path))  # noqa: PTH100
        self.path = self.base_path / EVENTS_FILE
        types = (*ev.EVENTS, *GENERATION_EVENTS)
        self._journal = Journal(self.path, types, TestDataState, lock_timeout_s=lock_timeout_s)
        self._given = owner
        self.lease_s = lease_s
        self._renamed: tuple[int, ev.Owner] | None = None
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}
        self.keeper = Keeper(self)

    @property
    def owner(self) -> ev.Owner:
        """Who we are: another one in a forked child."""
        pid = os.getpid()
        if self._renamed is not None and self._renamed[0] == pid:
            return self._renamed[1]
        return self._given or _identity_of(pid)

    @property
    def session(self) -> str:
        """Our session in the log."""
        return self.owner.session

    @property
    def position(self) -> int:
        """Up to which byte the log has been folded."""
        return self._journal.position

    @property
    def findings(self) -> list[str]:
        """What in the log is no event, as far as it was read."""
        return [str(finding) for finding in self._journal.findings]

    def current(self) -> TestDataState:
        """Return the state as it is now; change nothing in it. With other threads about, use `look()`."""
        return self._journal.current()

    def look(self) -> AbstractContextManager[TestDataState]:
        """Give the state as it is now, and keep other threads from changing it while the block runs."""
        return self._journal.look()

    @contextmanager
    def transact(self, *, sync: bool = False) -> Generator[Transaction[TestDataState]]:
        """Hold the log's lock from the look at the state to the write, as `Journal.transact` does, as our owner.

        Raises:
            DataTooLargeError: an event does not fit into a line; nothing was written.
        """
        try:
            with self._journal.transact(sync=sync) as tx:
                self._join(tx)
                yield tx
        except EventTooLargeError as error:
            raise DataTooLargeError(error.event_type, error.size_bytes, error.limit_bytes) from error

    def _join(self, tx: Transaction[TestDataState]) -> None:
        owner = self.owner
        known = tx.state.owners.get(owner.session)
        if known is not None and known.ended:
            # Somebody could not see us and took us for gone: what we had is cleaned. We go on as another.
            owner = own_identity()
            self._renamed = os.getpid(), owner
            known = None
        if known is None or known.owner is None:
            tx.append(owner_stream(owner.session), ev.OwnerJoined(owner=owner, lease_us=int(self.lease_s * 1_000_000)))

    def as_of(self, position: int) -> TestDataState:
        """Return the state that everything before `position` gives."""
        return self._journal.as_of(position)

    def close(self) -> None:
        """Close the file and stop renewing; the next call opens it again."""
        self.keeper.stop()
        self._journal.close()

    # ------------------------------------------------- is somebody else gone

    def elapsed_s(self) -> float:
        """Seconds since some fixed moment; take it *before* the look at the state that is judged by it."""
        return SYSTEM.elapsed_s()

    def hold_is_gone(self, state: TestDataState, hold: Hold, elapsed_s: float) -> str:
        """Say why a lock's holder cannot hold it any more: `dead`, `lapsed`, or nothing if it can."""
        if hold.session == self.session:
            return ""
        if self.hold_is_dead(state, hold):
            return "dead"
        return self._lapsed("lock", str(hold.token), hold.renewed, hold.ttl_us / 1e6, elapsed_s)

    def hold_is_dead(self, state: TestDataState, hold: Hold) -> bool:
        """Tell whether a lock's holder is known to be gone, whatever is left of its lease."""
        owner = state.owners.get(hold.session)
        if hold.session == self.session or owner is None:
            return False
        return bool(owner.ended) or verdict_on(owner.owner) == "dead"

    def owner_is_gone(self, owner: OwnerState, elapsed_s: float) -> str:
        """Say why an owner is gone: `dead`, `lapsed`, or nothing if it may be there."""
        if owner.session == self.session:
            return ""
        if owner.ended:
            return owner.ended
        verdict = verdict_on(owner.owner)
        if verdict != "unknown":
            return "dead" if verdict == "dead" else ""
        return self._lapsed("owner", owner.session, owner.renewed, owner.lease_us / 1e6, elapsed_s)

    def is_unknown(self, owner: OwnerState) -> bool:
        """Tell whether nothing can be said of an owner by looking at its process."""
        return owner.session != self.session and not owner.ended and verdict_on(owner.owner) == "unknown"

    def _lapsed(self, kind: str, key: str, renewed: int, lease_s: float, elapsed_s: float) -> str:
        """Judge a lease by our own clock since we first saw its last renewal: no clocks are compared."""
        seen = self._seen.get((kind, key))
        if seen is None or seen[0] != renewed:
            self._seen[kind, key] = renewed, self.elapsed_s()
            return ""
        return "lapsed" if elapsed_s - seen[1] > lease_s else ""


def owner_stream(session: str) -> str:
    """Return the name of the stream of an owner."""
    return f"tdm/owner/{session}"


def namespace_stream(namespace: str) -> str:
    """Return the name of the stream of a namespace."""
    return f"tdm/ns/{namespace}"


def lock_stream(namespace: str, key: str) -> str:
    """Return the name of the stream of a lock."""
    return f"tdm/lock/{namespace}/{key}"
