"""Renews what this process holds, as long as it lives: its locks, and its own lease if it has anything to clean.

A store that nobody refers to any more is collected, and its keeper with it, unless it has locks: they are renewed as
long as the process lives, and given back by whoever knows their names. Of several stores that act as one owner on one
log, one is kept for that, as each of them renews what all of them hold.
"""

import logging
import math
import os
import threading
import weakref
from typing import TYPE_CHECKING

from ..eventlog.errors import EventLogError
from ..eventlog.files.system import SYSTEM
from . import events as ev
from .state import OwnerState

if TYPE_CHECKING:
    from .locks import Lease
    from .store import Store

__all__ = ["Keeper"]

_log = logging.getLogger("pytest_insight.testdata")
_RENEWALS_PER_LEASE = 3
_NAP_MAX_S = 20.0
_RETRY_S = 0.2


class _Kept:
    """A store that stays although nobody may refer to it."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self.serves_others = False
        """Another store of the same owner may be gone because this one renews."""


_kept: dict[tuple[int, str, str], _Kept] = {}
"""By process, log and owner."""


class Keeper:
    """A thread that renews for one store; it runs while there is something to renew.

    Args:
        store: whose; not kept alive by this.
    """

    def __init__(self, store: "Store") -> None:
        self._store = weakref.ref(store)
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._stopped = False
        self._told = ""
        """The error that was logged last: it is not logged at each try."""
        self._nap = math.inf
        """Seconds of the present nap; endless while the thread looks, so that who comes then is looked at as well."""
        self._renewed_s: dict[int, float] = {}
        self._owner_renewed_s = 0.0
        self.leases: weakref.WeakValueDictionary[int, Lease] = weakref.WeakValueDictionary()
        """By token, to be told when they are lost."""

    def start(self, lease_s: float, token: int | None = None) -> None:
        """See to it that the thread runs, and looks again in time for a lease of so many seconds."""
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
                    target=_run, args=(weakref.ref(self),), name="test-data-keeper", daemon=True
                )
                self._thread.start()
            elif lease_s / _RENEWALS_PER_LEASE < self._nap:
                self._wake.set()

    def stop(self) -> None:
        """Stop renewing; leases end when their time has come. Not if locks of a store that is gone would end, too."""
        store = self._store()
        kept = _kept.get(_key_of(store)) if store is not None else None
        if kept is not None and kept.store is store and kept.serves_others:
            return
        self._stopped = True
        self._let_store_go()
        self._wake.set()

    def _keep_store(self) -> None:
        store = self._store()
        if store is None:
            return
        kept = _kept.setdefault(_key_of(store), _Kept(store))
        kept.serves_others = kept.serves_others or kept.store is not store

    def _let_store_go(self) -> None:
        for key, kept in list(_kept.items()):
            if kept.store.keeper is self:
                _kept.pop(key, None)

    def round(self) -> float | None:
        """Renew what is due, and return the seconds until the next look; None if there is nothing to keep."""
        store = self._store()
        if store is None or self._stopped:
            return None
        try:
            return self._renew(store)
        except (EventLogError, OSError) as error:
            if not store.base_path.exists():
                self._let_store_go()
                return None  # the folder was deleted, and with it whatever there was to keep
            # It will be tried again; if it goes on until a lease ends, the lease says so itself.
            if str(error) != self._told:
                self._told = str(error)
                _log.error("cannot renew what this process holds in %s: %s", store.path, error)
            self._tell_overdue()
            return _RETRY_S

    def _renew(self, store: "Store") -> float | None:
        with store.look() as state:
            me = state.owners.get(store.session)
            due = self._due(me) if me is not None else []
            owner_due = me is not None and me.holds_anything and self._owner_due_s(me) <= 0
        self._tell_lost(me)
        if me is not None and me.tokens:
            self._keep_store()
        else:
            self._let_store_go()
        if me is None or not me.holds_anything:
            return None
        if due or owner_due:
            self._write(store, due, owner_due=owner_due)
        return self._nap_s(store, me)

    def _write(self, store: "Store", tokens: list[int], *, owner_due: bool) -> None:
        from .store import lock_stream, owner_stream  # noqa: PLC0415 - they know each other

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

    def _due(self, me: OwnerState) -> list[int]:
        now = SYSTEM.elapsed_s()
        for token in self._renewed_s.keys() - me.tokens.keys():
            self._renewed_s.pop(token, None)
        return [token for token in me.tokens if self._left_s(me, token, now) <= 0]

    @staticmethod
    def _every_s(lease_us: int) -> float:
        return lease_us / 1e6 / _RENEWALS_PER_LEASE

    def _left_s(self, me: OwnerState, token: int, now: float) -> float:
        ttl_us = me.tokens[token].holds[token].ttl_us
        return self._renewed_s.setdefault(token, now) + self._every_s(ttl_us) - now

    def _owner_due_s(self, me: OwnerState) -> float:
        return self._owner_renewed_s + self._every_s(me.lease_us) - SYSTEM.elapsed_s()

    def _nap_s(self, store: "Store", me: OwnerState) -> float:
        with store.look():
            now = SYSTEM.elapsed_s()
            left = [self._left_s(me, token, now) for token in me.tokens]
        return max(min([*left, self._owner_due_s(me), _NAP_MAX_S]), 0.01)

    def _tell_lost(self, me: OwnerState | None) -> None:
        held = me.tokens if me is not None else {}
        for token, lease in list(self.leases.items()):
            if token not in held:
                lease.lose("another has it")

    def _tell_overdue(self) -> None:
        now = SYSTEM.elapsed_s()
        for token, lease in list(self.leases.items()):
            if now - self._renewed_s.get(token, now) > lease.ttl_s:
                lease.lose("it could not be renewed in time")


def _key_of(store: "Store") -> tuple[int, str, str]:
    return os.getpid(), str(store.path), store.session


def _run(reference: "weakref.ref[Keeper]") -> None:
    while True:
        keeper = reference()
        if keeper is None:
            return
        wake = keeper._wake  # noqa: SLF001 - its own thread
        wake.clear()
        nap = keeper.round()
        with keeper._mutex:  # noqa: SLF001
            keeper._nap = math.inf if nap is None else nap  # noqa: SLF001
            if nap is None and not wake.is_set():
                keeper._thread = None  # noqa: SLF001
                return
        del keeper
        wake.wait(nap if nap is not None else 0)
        keeper = reference()
        if keeper is not None:
            keeper._nap = math.inf  # noqa: SLF001
