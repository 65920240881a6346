"""Renewal of what this process holds: its locks, and its own lease while it has something to clean.

A store without references is garbage collected together with its renewer, unless it holds locks: these are renewed as
long as the process lives. Of several stores that act as one owner on one log, one is kept for that purpose, since each
of them renews the locks of all.
"""

import logging
import math
import os
import threading
import weakref
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...eventlog.errors import EventLogError
from ...eventlog.files.system import SYSTEM
from ..model import events as ev
from ..model.records import OwnerState
from .streams import lock_stream, owner_stream

if TYPE_CHECKING:
    from ...eventlog.journal import Transaction
    from ..model.fold import TestDataState

__all__ = ["LeaseRenewer"]

_log = logging.getLogger("pytest_insight.testdata")
_RENEWALS_PER_LEASE = 3
_NAP_MAX_S = 20.0
_RETRY_S = 0.2


class RenewableLease(Protocol):
    """The part of a lease that a renewer uses."""

    @property
    def ttl_s(self) -> float:
        """Time to live, in seconds."""
        ...

    def lose(self, reason: str, /) -> None:
        """Mark the lease as lost."""
        ...


class RenewedStore(Protocol):
    """The part of a store that a renewer uses."""

    base_path: Path
    path: Path
    renewer: "LeaseRenewer"

    @property
    def session(self) -> str:
        """Session of the owner."""
        ...

    def look(self) -> "AbstractContextManager[TestDataState]":
        """Return the state for a `with` block."""
        ...

    def transact(self) -> "AbstractContextManager[Transaction[TestDataState]]":
        """Return a transaction for a `with` block."""
        ...


class _KeptStore:
    """A store that is kept although nothing else may refer to it."""

    def __init__(self, store: RenewedStore) -> None:
        self.store = store
        self.serves_others = False
        """True if another store of the same owner may have been collected because this one renews its locks."""


_kept: dict[tuple[int, str, str], _KeptStore] = {}
"""Kept stores by process, log and owner."""


class LeaseRenewer:
    """A thread that renews for one store; it runs while there is something to renew.

    Args:
        store: the store; this object holds only a weak reference to it.
    """

    def __init__(self, store: RenewedStore) -> None:
        self._store = weakref.ref(store)
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._stopped = False
        self._logged_error = ""
        """Text of the error that was logged last, so that retries do not log it again."""
        self._nap_s = math.inf
        """Length of the current pause, in seconds; infinite while the thread works, so that a lease that starts then
        is seen as well."""
        self._renewed_s: dict[int, float] = {}
        self._owner_renewed_s = 0.0
        self.leases: weakref.WeakValueDictionary[int, RenewableLease] = weakref.WeakValueDictionary()
        """Leases by token; a lease is marked when its lock is lost."""

    def start(self, lease_s: float, token: int | None = None) -> None:
        """Start the thread if it does not run, and have it look in time for a lease.

        Args:
            lease_s: length of the lease, in seconds.
            token: fencing token of a new lock; None for the owner's own lease.
        """
        if os.getpid() != self._pid:  # a thread does not survive a fork, its locks do
            self._pid, self._thread = os.getpid(), None
            self._mutex, self._wake = threading.Lock(), threading.Event()
        with self._mutex:
            self._stopped = False
            if token is not None:
                self._renewed_s[token] = SYSTEM.elapsed_s()
                self._keep_store()
            if self._thread is None or not self._thread.is_alive():
                self._owner_renewed_s = SYSTEM.elapsed_s()
                self._thread = threading.Thread(
                    target=_run_renewals, args=(weakref.ref(self), self._wake), name="test-data-renewal", daemon=True
                )
                self._thread.start()
            elif lease_s / _RENEWALS_PER_LEASE < self._nap_s:
                self._wake.set()

    def stop(self) -> None:
        """Stop renewing, so that leases end in time; not while this store renews the locks of a collected store."""
        store = self._store()
        kept = _kept.get(_key_of(store)) if store is not None else None
        if kept is not None and kept.store is store and kept.serves_others:
            return
        self._stopped = True
        self._drop_store()
        self._wake.set()

    def _keep_store(self) -> None:
        store = self._store()
        if store is None:
            return
        kept = _kept.setdefault(_key_of(store), _KeptStore(store))
        kept.serves_others = kept.serves_others or kept.store is not store

    def _drop_store(self) -> None:
        for key, kept in list(_kept.items()):
            if kept.store.renewer is self:
                _kept.pop(key, None)

    def run_round(self) -> float | None:
        """Renew what is due; return the seconds until the next round, or None if this thread is not needed any more."""
        self._nap_s = math.inf
        self._wake.clear()
        nap_s = self.run_once()
        with self._mutex:
            if nap_s is None and not self._wake.is_set():
                self._thread = None
                return None
            self._nap_s = math.inf if nap_s is None else nap_s
        return nap_s or 0.0

    def run_once(self) -> float | None:
        """Renew what is due; return the seconds until the next look, or None if nothing is left to renew."""
        store = self._store()
        if store is None or self._stopped:
            return None
        try:
            return self._renew(store)
        except (EventLogError, OSError) as error:
            if not store.base_path.exists():
                self._drop_store()
                return None  # the folder was deleted, and with it all locks
            # It is tried again; if a lease ends meanwhile, the lease is marked as lost.
            if str(error) != self._logged_error:
                self._logged_error = str(error)
                _log.error("%s: the locks of this process cannot be renewed: %s", store.path, error)
            self._mark_overdue()
            return _RETRY_S

    def _renew(self, store: RenewedStore) -> float | None:
        with store.look() as state:
            me = state.owners.get(store.session)
            due = self._due_tokens(me) if me is not None else []
            owner_due = me is not None and me.holds_anything and self._owner_due_s(me) <= 0
        self._mark_lost(me)
        if me is not None and me.tokens:
            self._keep_store()
        else:
            self._drop_store()
        if me is None or not me.holds_anything:
            return None
        if due or owner_due:
            self._write_renewals(store, due, owner_due=owner_due)
        return self._next_nap_s(store, me)

    def _write_renewals(self, store: RenewedStore, tokens: list[int], *, owner_due: bool) -> None:
        now = SYSTEM.elapsed_s()
        with store.transact() as tx:
            me = tx.state.owners.get(store.session)
            for token in tokens:
                lock = me.tokens.get(token) if me else None
                if lock is not None:
                    event = ev.LockRenewed(namespace=lock.namespace, key=lock.key, token=token)
                    tx.append(lock_stream(lock.namespace, lock.key), event)
            if owner_due:
                tx.append(owner_stream(store.session), ev.OwnerRenewed(session=store.session))
        self._renewed_s.update(dict.fromkeys(tokens, now))
        if owner_due:
            self._owner_renewed_s = now

    def _due_tokens(self, me: OwnerState) -> list[int]:
        now = SYSTEM.elapsed_s()
        for token in self._renewed_s.keys() - me.tokens.keys():
            self._renewed_s.pop(token, None)
        return [token for token in me.tokens if self._left_s(me, token, now) <= 0]

    @staticmethod
    def _interval_s(lease_us: int) -> float:
        return lease_us / 1e6 / _RENEWALS_PER_LEASE

    def _left_s(self, me: OwnerState, token: int, now: float) -> float:
        ttl_us = me.tokens[token].holds[token].ttl_us
        return self._renewed_s.setdefault(token, now) + self._interval_s(ttl_us) - now

    def _owner_due_s(self, me: OwnerState) -> float:
        return self._owner_renewed_s + self._interval_s(me.lease_us) - SYSTEM.elapsed_s()

    def _next_nap_s(self, store: RenewedStore, me: OwnerState) -> float:
        with store.look():
            now = SYSTEM.elapsed_s()
            left = [self._left_s(me, token, now) for token in me.tokens]
        return max(min([*left, self._owner_due_s(me), _NAP_MAX_S]), 0.01)

    def _mark_lost(self, me: OwnerState | None) -> None:
        held = me.tokens if me is not None else {}
        for token, lease in list(self.leases.items()):
            if token not in held:
                lease.lose("another process has it")

    def _mark_overdue(self) -> None:
        now = SYSTEM.elapsed_s()
        for token, lease in list(self.leases.items()):
            if now - self._renewed_s.get(token, now) > lease.ttl_s:
                lease.lose("it could not be renewed in time")


def _key_of(store: RenewedStore) -> tuple[int, str, str]:
    return os.getpid(), str(store.path), store.session


def _run_renewals(reference: "weakref.ref[LeaseRenewer]", wake: threading.Event) -> None:
    while (renewer := reference()) is not None:
        nap_s = renewer.run_round()
        if nap_s is None:
            return
        del renewer  # it may be collected while the thread waits
        wake.wait(nap_s)
