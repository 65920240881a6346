"""Sinks of completed test runs: the interface for other systems, and the sink that is always used.

A sink is any object with a `name` and `async run_completed(run)`. The service calls it once for each completed
generation, with a timeout, independently of all requests. Its errors are logged and affect nothing else.
"""

import asyncio
import logging
import traceback
from collections.abc import Iterable
from typing import Protocol

import msgspec

__all__ = [
    "CompletedRun",
    "CompletedWorker",
    "Connection",
    "HeldCut",
    "LogSink",
    "Sink",
    "Sinks",
]

SINK_TIMEOUT_S = 30.0

log = logging.getLogger(__name__)


class Connection(msgspec.Struct, frozen=True):
    """Address and token of the system that a test run is reported to. Kept only in memory."""

    base_url: str = ""
    private_token: str = ""

    def __repr__(self) -> str:
        return f"Connection(base_url={self.base_url!r}, private_token={'***' if self.private_token else ''!r})"


class HeldCut(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of one finished test that is to be finalised."""

    external_id: str
    status_code: str = ""
    status_type: str = ""
    project_id: str = ""
    started_on: str = ""
    """As the client sent it."""


class CompletedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a completed test run."""

    pid: str
    status: str
    """`completed`, `offline` or `abandoned`."""
    worker: str = ""
    session_id: str = ""
    host: str = ""
    os_pid: int = 0


class CompletedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One completed generation of a test run."""

    test_run: str
    generation: int
    completed_us: int
    """In microseconds since the epoch."""
    forced: bool
    cuts: tuple[HeldCut, ...]
    workers: tuple[CompletedWorker, ...]
    connection: Connection
    """Connection given at a registration, else the one that the service was started with."""


class Sink(Protocol):
    """Receiver of completed test runs."""

    @property
    def name(self) -> str:
        """Name in the log."""
        ...

    async def run_completed(self, run: CompletedRun) -> None:
        """Handle a completed test run; may raise any error, and may take up to the timeout."""
        ...


class LogSink:
    """Sink that writes a line into the log of the service."""

    name = "log"

    async def run_completed(self, run: CompletedRun) -> None:
        """Write the line."""
        how = "forced" if run.forced else "completed"
        log.info(
            "test run %r, generation %d: %s, %d finalised, workers: %s",
            run.test_run,
            run.generation,
            how,
            len(run.cuts),
            ", ".join(f"{worker.pid} {worker.status}" for worker in run.workers) or "none",
        )


class Sinks:
    """Announcer of completed test runs to sinks, in the background.

    Args:
        sinks: the sinks.
        timeout_s: time limit for one announcement to one sink, in seconds.
    """

    def __init__(self, sinks: Iterable[Sink], *, timeout_s: float = SINK_TIMEOUT_S) -> None:
        self._sinks = tuple(sinks)
        self._timeout_s = timeout_s
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, run: CompletedRun) -> None:
        """Announce a test run to every sink, without waiting."""
        for sink in self._sinks:
            task = asyncio.get_running_loop().create_task(self._announce_to(sink, run))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def drain(self, timeout_s: float) -> None:
        """Wait for running announcements, for `timeout_s` seconds at most."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in late:
            task.cancel()

    async def _announce_to(self, sink: Sink, run: CompletedRun) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await sink.run_completed(run)
        except TimeoutError:
            log.warning("sink %s took more than %g s for test run %r", sink.name, self._timeout_s, run.test_run)
        except Exception:  # noqa: BLE001 - a sink is foreign code, whose errors must not affect a test run
            text = traceback.format_exc()
            if run.connection.private_token:
                text = text.replace(run.connection.private_token, "***")
            log.error("sink %s failed for test run %r: %s", sink.name, run.test_run, text)  # noqa: TRY400 - the token is removed
