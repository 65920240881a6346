"""The service without HTTP: accepts messages, decides by the rules, writes the journal, and does what is due."""

import logging
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...eventlog.errors import EventLogError
from ...eventlog.journal import Journal
from ..client.launch import start_mark
from ..defaults import SilenceLimits
from ..sinks import CompletedRun, Connection
from . import rules
from .capacity import check_room
from .completed_runs import completed_run
from .events import (
    SERVICE_STREAM,
    SYNC_EVENTS,
    CompletionRequested,
    CutAccepted,
    RunCompleted,
    RunEvent,
    ServiceStarted,
    ServiceStopped,
    WorkerRegistered,
    run_stream,
)
from .held_folder import HeldFolder
from .leases import Liveness, WorkerLease
from .peers import is_descendant
from .rules import Election
from .run_lookup import CompletionAnswer, RunLookup
from .state import RunState, SyncState, WorkerState

__all__ = ["Coordinator"]

LOCK_TIMEOUT_S = 2.0

log = logging.getLogger(__name__)


class Coordinator:
    """State and operations of the service, for one thread.

    Args:
        journal: path of the journal.
        election: rule for the master.
        limits: time limits.
        default_run: test run of requests that name none; empty for none.
        connection: connection for test runs whose clients gave none.
        completed: called with each completed generation after it was written.
        clock: monotonic time in seconds.
        is_child: returns whether one process is a descendant of another, by their ids; None if unknown.
    """

    def __init__(
        self,
        journal: Path,
        *,
        election: Election = "handoff",
        limits: SilenceLimits | None = None,
        default_run: str = "",
        connection: Connection | None = None,
        completed: Callable[[CompletedRun], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        is_child: Callable[[int, int], bool | None] = is_descendant,
    ) -> None:
        self.journal = Journal(journal, SYNC_EVENTS, SyncState, lock_timeout_s=LOCK_TIMEOUT_S)
        self.election: Election = election
        self.limits = limits or SilenceLimits()
        self.started_us = 0
        self.updated_us = 0
        """Time of the last write of this service, in microseconds since the epoch."""
        self.writes = 0
        """Number of transactions that wrote something."""
        self.repeated_cuts = 0
        self._connection = connection or Connection()
        self._connections: dict[str, Connection] = {}
        self._completed = completed
        self._clock = clock
        self._is_child = is_child
        self.live = Liveness(self.limits, clock())
        self._folder: HeldFolder | None = None
        self._read_state = SyncState()
        self.runs = RunLookup(lambda: self.state, default_run, lambda: self.started_us)

    @property
    def journal_exists(self) -> bool:
        """True while the folder of the journal exists; without it nothing can be written."""
        return self._folder is None or self._folder.is_there

    @property
    def state(self) -> SyncState:
        """The current state; read only."""
        self._read_state = self.journal.current()
        return self._read_state

    def last_state(self) -> tuple[SyncState, str]:
        """Return the last state that could be read, and the reason why the journal cannot be read now; empty if it
        can.
        """
        try:
            return self.state, ""
        except (EventLogError, OSError) as error:
            return self._read_state, str(error) if self.journal_exists else "the folder of the journal is gone"

    def start(self, *, port: int, os_pid: int, version: str) -> None:
        """Lock the journal; all workers in it get a new lease."""
        started = ServiceStarted(port=port, election=self.election, os_pid=os_pid, version=version)
        with self.journal.transact(sync=True) as tx:
            tx.append(SERVICE_STREAM, started)
        self._folder = HeldFolder(self.journal.path.parent)
        self.started_us = self.updated_us = tx.now_us
        self.live = Liveness(self.limits, self._clock())

    def stop(self, reason: str) -> None:
        """Write the reason why the service ends, and close the journal. Open test runs stay open."""
        if self.journal_exists:
            with self.journal.transact(sync=True) as tx:
                tx.append(SERVICE_STREAM, ServiceStopped(reason=reason))
        self.journal.close()

    # ------------------------------------------------------------- messages

    def register(self, asked: WorkerRegistered, connection: Connection | None = None) -> bool:
        """Register a worker, and return whether it is the master.

        Raises:
            TooManyError: the worker is new, and a limit is reached.
        """
        now_s = self._clock()
        check_room(self.state, asked)
        if connection is not None and (connection.base_url or connection.private_token):
            self._connections[asked.test_run] = connection
        master = _master_of(self.state.runs.get(asked.test_run))
        decided = rules.register(
            self.state,
            asked,
            election=self.election,
            master_age_s=self.live.age_s(asked.test_run, master.pid, now_s) if master else 0.0,
            is_child=self._is_child(asked.os_pid, master.os_pid) if master else None,
        )
        is_new_worker = self._write(decided)
        lease = self.live.renew(asked.test_run, asked.pid, now_s)
        lease.registrations += 1
        lease.peer_ports.add(asked.peer_port)
        lease.process = _process_of(asked)
        if is_new_worker:
            lease.registered_s = now_s
        return self.state.runs[asked.test_run].workers[asked.pid].master

    def asks_for_process(self, test_run: str) -> bool:
        """Return whether the process of the next worker of a test run matters for the election."""
        run = self.state.runs.get(test_run)
        return run is None or rules.may_change_master(run, self.election)

    def set_status(self, heard: WorkerRegistered) -> bool:
        """Apply a reported status, and return whether it was new.

        Raises:
            TooManyError: the worker is new, and a limit is reached.
        """
        check_room(self.state, heard)
        self.live.renew(heard.test_run, heard.pid, self._clock())
        return self._write(rules.set_status(self.state, heard))

    def keep_alive(self, test_run: str, pid: str, running: str | None) -> bool:
        """Renew the lease of a worker, and return whether the worker is known."""
        known, events = rules.keep_alive(self.state, test_run, pid)
        if known:
            lease = self.live.renew(test_run, pid, self._clock())
            lease.beats = True
            if running is not None:
                lease.running = running
            self._write(events)
        return known

    def accept_cut(self, cut: CutAccepted) -> bool:
        """Hold a result, and return whether it is new.

        Raises:
            TooManyError: the result is new, and a limit is reached.
        """
        check_room(self.state, cut)
        is_new = self._write(rules.accept_cut(self.state, cut))
        self.repeated_cuts += not is_new
        return is_new

    def note_wait(self, test_runs: Sequence[str]) -> None:
        """Write that a client waits for these test runs."""
        self._write(rules.wait(self.state, test_runs))

    def force(self, test_runs: Sequence[str]) -> CompletionAnswer:
        """Complete test runs now, also with running workers."""
        known = [run for name in test_runs if (run := self.state.runs.get(name)) is not None]
        if not known:
            return CompletionAnswer(completed=False, message="unknown test run" if test_runs else "no test run is open")
        finalised = abandoned = 0
        for run in known:
            finalised += len(run.cuts)
            abandoned += len(run.unsettled)
            self._write(rules.force(self.state, run.test_run))
        return CompletionAnswer(completed=True, message=f"{finalised} finalised, {abandoned} abandoned")

    # ------------------------------------------------------------ what is due

    @property
    def expects_something(self) -> bool:
        """True while a worker may send a message, or a completion is due; False if the journal cannot be read."""
        now_s = self._clock()
        try:
            runs = list(self.state.open_runs.values())
        except (EventLogError, OSError):
            return False
        return any(self.live.is_expected(run, now_s, _has_ended) for run in runs)

    def next_due_s(self) -> float:
        """Return the monotonic time at which `settle` has something to do; infinite for never."""
        return self.live.next_due_s(self.state.open_runs.values())

    def extend_leases(self, suspended_s: float) -> None:
        """Extend all leases by the time for which the service was suspended, in seconds."""
        log.warning("the service was suspended for up to %.1f s; all leases are extended by that time", suspended_s)
        self.live.extend_leases(suspended_s)

    def settle(self) -> None:
        """End leases and complete test runs that are due."""
        now_s = self._clock()
        for run in list(self.state.open_runs.values()):
            ended = self.live.find_ended(run, now_s)
            if ended:
                self._write([rules.take_offline(run, worker, silent_s) for worker, silent_s in ended])
            elif self.live.is_complete(run, now_s):
                self._write([rules.complete(run)])

    # ---------------------------------------------------------------- inside

    def _write(self, events: Sequence[RunEvent]) -> bool:
        """Append the decided events, all or none, and return whether there were any."""
        if not events:
            return False
        with self.journal.transact() as tx:
            for event in events:
                tx.append(run_stream(event.test_run), event)
        self.writes += 1
        self.updated_us = tx.now_us
        now_s = self._clock()
        for event in events:
            log.debug("%s", event)
            if not isinstance(event, CompletionRequested):
                self.live.note_change(event.test_run, now_s)
            if isinstance(event, RunCompleted):
                connection = self._connections.get(event.test_run, self._connection)
                self._completed(completed_run(self.state.runs[event.test_run], connection))
        return True


def _master_of(run: RunState | None) -> WorkerState | None:
    return run.workers.get(run.master) if run is not None and run.master is not None else None


def _process_of(worker: WorkerRegistered) -> tuple[int, str]:
    """Return id and start time of a worker's process if it runs on this machine and is visible; else `(0, "")`."""
    is_here = worker.host in ("", platform.node())
    mark = start_mark(worker.os_pid) if is_here and worker.os_pid else ""
    return (worker.os_pid, mark) if mark else (0, "")


def _has_ended(lease: WorkerLease) -> bool:
    pid, mark = lease.process
    return pid > 0 and start_mark(pid) != mark
