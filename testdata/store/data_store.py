"""Store of test data: one journal in a folder, its state, and the owner that this process is."""

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from ...eventlog.errors import EventTooLargeError
from ...eventlog.files.system import SYSTEM
from ...eventlog.journal import Journal, Transaction
from ..errors import DataTooLargeError
from ..generation.log.events import GENERATION_EVENTS
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import Hold, OwnerState
from .identity import own_identity, verdict_on
from .renewal import LeaseRenewer
from .streams import owner_stream

__all__ = ["EVENTS_FILE", "PATH_VARIABLE", "DataStore", "default_base_path"]

EVENTS_FILE = "events.jsonl"
PATH_VARIABLE = "PYTEST_INSIGHT_TEST_DATA"


def default_base_path() -> Path:
    """Return the folder of test data: PYTEST_INSIGHT_TEST_DATA, else `test_data` in the working directory."""
    return Path(os.environ.get(PATH_VARIABLE) or "test_data")


@cache
def _identity_of(_pid: int) -> ev.Owner:
    return own_identity()


class DataStore:
    """Test data of one folder, shared by all threads and processes that use it.

    Args:
        base_path: the folder; created with the first event. Default: `default_base_path()`.
        owner: owner of new data; default: this process.
        lock_timeout_s: time limit for a transaction to wait for other processes, in seconds.
        lease_s: time without a renewal after which processes that cannot observe this one consider it ended, in
            seconds.
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
        self.renewer = LeaseRenewer(self)

    @property
    def owner(self) -> ev.Owner:
        """Owner of new data; a forked child is another owner."""
        pid = os.getpid()
        if self._renamed is not None and self._renamed[0] == pid:
            return self._renamed[1]
        return self._given or _identity_of(pid)

    @property
    def session(self) -> str:
        """Session of the owner."""
        return self.owner.session

    @property
    def position(self) -> int:
        """Position up to which the log has been folded, in bytes."""
        return self._journal.position

    @property
    def findings(self) -> list[str]:
        """Damaged places of the log, as far as it was read."""
        return [str(finding) for finding in self._journal.findings]

    def current(self) -> TestDataState:
        """Return the current state, which must not be changed. With other threads, use `look()`."""
        return self._journal.current()

    def look(self) -> AbstractContextManager[TestDataState]:
        """Return a context manager with the current state, which no other thread changes during the block."""
        return self._journal.look()

    @contextmanager
    def transact(self, *, sync: bool = False) -> Generator[Transaction[TestDataState]]:
        """Return a transaction on the log, as `Journal.transact`, in the name of the owner.

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
            # Another process could not observe this one and considered it ended: its data is cleaned.
            # Go on as a new owner.
            owner = own_identity()
            self._renamed = os.getpid(), owner
            known = None
        if known is None or known.owner is None:
            tx.append(owner_stream(owner.session), ev.OwnerJoined(owner=owner, lease_us=int(self.lease_s * 1_000_000)))

    def as_of(self, position: int) -> TestDataState:
        """Return the state of all events before `position`."""
        return self._journal.as_of(position)

    def close(self) -> None:
        """Close the file and stop renewing; the next call opens it again."""
        self.renewer.stop()
        self._journal.close()

    # ------------------------------------------------- state of other owners

    def elapsed_s(self) -> float:
        """Seconds of a monotonic clock; take it *before* the look at the state that is compared with it."""
        return SYSTEM.elapsed_s()

    def hold_is_gone(self, state: TestDataState, hold: Hold, elapsed_s: float) -> str:
        """Return the reason why a lock's holder cannot hold it any more: `dead`, `lapsed`, or "" if it can."""
        if hold.session == self.session:
            return ""
        if self.hold_is_dead(state, hold):
            return "dead"
        return self._find_lapse("lock", str(hold.token), hold.renewed, hold.ttl_us / 1e6, elapsed_s)

    def hold_is_dead(self, state: TestDataState, hold: Hold) -> bool:
        """Return whether a lock's holder is known to have ended, also during its lease."""
        owner = state.owners.get(hold.session)
        if hold.session == self.session or owner is None:
            return False
        return bool(owner.ended) or verdict_on(owner.owner) == "dead"

    def owner_is_gone(self, owner: OwnerState, elapsed_s: float) -> str:
        """Return the reason why an owner has ended: `dead`, `lapsed`, or "" if it may live."""
        if owner.session == self.session:
            return ""
        if owner.ended:
            return owner.ended
        verdict = verdict_on(owner.owner)
        if verdict != "unknown":
            return "dead" if verdict == "dead" else ""
        return self._find_lapse("owner", owner.session, owner.renewed, owner.lease_us / 1e6, elapsed_s)

    def is_unknown(self, owner: OwnerState) -> bool:
        """Return whether the process of an owner cannot be observed."""
        return owner.session != self.session and not owner.ended and verdict_on(owner.owner) == "unknown"

    def _find_lapse(self, kind: str, key: str, renewed: int, lease_s: float, elapsed_s: float) -> str:
        """Return whether a lease has ended, by the local clock since its last renewal was first seen: no clocks are
        compared.
        """
        seen = self._seen.get((kind, key))
        if seen is None or seen[0] != renewed:
            self._seen[kind, key] = renewed, self.elapsed_s()
            return ""
        return "lapsed" if elapsed_s - seen[1] > lease_s else ""
