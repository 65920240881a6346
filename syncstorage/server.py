"""The process: its sockets, its signals, its log file, and its end."""

import asyncio
import contextlib
import errno
import logging
import logging.handlers
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..eventlog.errors import EventLogError
from ..eventlog.files.system import SYSTEM
from .app import SyncStorage
from .archive import set_aside
from .coordinator import Coordinator
from .guard import HEADER_BYTES_MAX
from .idle import IdleWatch
from .liveness import Limits
from .paths import journal_path
from .rules import Election
from .sinks import Connection, LogSink, Sink, Sinks

__all__ = ["PortInUseError", "detach_streams", "guard_process", "listen", "log_to_file", "serve"]

BACKLOG = 2048
IDLE_CONNECTION_S = 900
LOG_BYTES_MAX = 1 << 20
TICK_MIN_S = 0.05
TICK_MAX_S = 1.0
DEAF_S = 2.0
"""A nap that takes so much longer than it should, in seconds, means that the process or the machine was stopped."""
DRAIN_S = 1.0

log = logging.getLogger(__name__)


class PortInUseError(OSError):
    """Another process listens on the port: the service that is wanted, or a stranger."""


def listen(port: int) -> list[socket.socket]:
    """Listen on the loopback addresses, of IPv4 and, where there is one, of IPv6; nobody else can from then on.

    Args:
        port: 0 for any that is free.

    Raises:
        PortInUseError: somebody listens there.
    """
    first = _listening(socket.AF_INET, "127.0.0.1", port)
    try:
        return [first, _listening(socket.AF_INET6, "::1", first.getsockname()[1])]
    except PortInUseError:
        first.close()
        raise
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            first.close()
            raise
        return [first]


def _listening(family: int, host: str, port: int) -> socket.socket:
    # With its protocol named, asyncio turns off Nagle's algorithm, which would hold every answer back for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        # At once: with SO_REUSEADDR two processes may bind one port, and only the first to listen has it.
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(errno.EADDRINUSE, "another process listens there", f"port {port}") from error
        raise
    return sock


class _Protocol(H11Protocol):
    """HTTP/1.1 that gives a peer so much time, and no more, to send the head of a request."""

    request_s = 10.0
    """How long that is, in seconds."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.request_s, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._unset_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_deadline()
        super().connection_lost(exc)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """uvicorn, with our handling of signals: it would end by the signal again, instead of with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Service:
    """One running service.

    Args:
        core: what decides and remembers.
        sinks: who hears of completed test runs.
    """

    def __init__(self, core: Coordinator, sinks: Sinks) -> None:
        self._core = core
        self._sinks = sinks
        self._app = SyncStorage(core, lambda: self._end("shutdown"))
        self._reason = ""
        self._idle = IdleWatch(core, lambda: self._app.requests, lambda: self._app.waiting_since_s)
        config = uvicorn.Config(
            self._app.asgi(),
            http=type("Protocol", (_Protocol,), {"request_s": core.limits.request_s}),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            backlog=BACKLOG,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_CONNECTION_S,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        )
        self._server = _Server(config)

    async def run(self, sockets: list[socket.socket]) -> str:
        """Serve until the end, and return its reason."""
        self._handle_signals()
        tick = asyncio.get_running_loop().create_task(self._tick())
        tick.add_done_callback(self._end_with_tick)
        try:
            await self._server.serve(sockets)
        finally:
            tick.cancel()
            await self._sinks.drain(DRAIN_S)
        return self._reason

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Ignored by who started us, as a shell does in the background: then it stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._end, number.name)

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._app.close()
        self._server.should_exit = True

    async def _tick(self) -> None:
        """Do what is due when it is due."""
        while not self._reason:
            try:
                await self._look()
            except Exception:  # a full disk, or a defect: it is logged, and tried again, as nobody else would
                log.exception("what is due could not be done")
                await asyncio.sleep(TICK_MAX_S)
            # After each look, also one that failed: what fails for ever must not keep the service alive.
            reason = self._idle.reason_to_end()
            if reason:
                self._end(reason)

    def _end_with_tick(self, tick: asyncio.Task[None]) -> None:
        """End the service if what looks for its end has failed: nothing else would end it."""
        if not tick.cancelled() and tick.exception() is not None:
            log.error("a defect: %r", tick.exception())
            self._end("defect")

    async def _look(self) -> None:
        """Wait until something is due, or changes, and do it."""
        began_s = time.monotonic()
        due_s = min(self._core.next_due_s(), self._idle.ends_s) - began_s
        nap_s = min(max(due_s, TICK_MIN_S), TICK_MAX_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(nap_s):
                await self._app.changed()
        slept_s = time.monotonic() - began_s
        if slept_s > nap_s + DEAF_S:
            self._core.excuse(slept_s)
        writes = self._core.writes
        self._core.settle()
        if self._core.writes != writes:
            self._app.notify()


def serve(
    sockets: list[socket.socket],
    *,
    test_run: str = "",
    connection: Connection | None = None,
    election: Election = "handoff",
    limits: Limits | None = None,
    sinks: Iterable[Sink] = (),
    ready: Callable[[], None] = lambda: None,
) -> str:
    """Run the service on listening sockets until it ends, and return why it did.

    `ready` is called once the journal is taken over.

    Raises:
        LogUnavailableError, NewerFormatError, LogBusyError: the journal cannot be used.
    """
    port = int(sockets[0].getsockname()[1])
    told = Sinks([LogSink(), *sinks])
    journal = journal_path(port)
    aside = set_aside(journal, time.time_ns() // 1000)
    if aside is not None:
        log.info("the journal had grown; it is %s now", aside)
    core = Coordinator(
        journal,
        election=election,
        limits=limits,
        default_run=test_run,
        connection=connection,
        completed=told.announce,
    )
    core.start(port=port, os_pid=os.getpid(), version=version("pytest-insight"))
    ready()
    reason = asyncio.run(_serve(core, told, sockets))
    try:
        core.stop(reason)
    except (EventLogError, OSError) as error:
        log.warning("the end could not be written: %s", error)
    log.info("ended: %s", reason)
    return reason


async def _serve(core: Coordinator, sinks: Sinks, sockets: list[socket.socket]) -> str:
    return await Service(core, sinks).run(sockets)


def log_to_file(path: Path) -> None:
    """Send everything that is logged to a file, renewed when it is full; never to a stream that may be broken."""
    SYSTEM.make_private_dir(path.parent)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES_MAX, backupCount=2, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.raiseExceptions = False  # a full disk is no reason to write to a broken stream
    for name in ("pytest_insight", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def detach_streams() -> None:
    """From here on nothing that is printed can break or block: the parent may never read it, or be gone."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    for number in (1, 2):
        if not os.isatty(number):
            os.dup2(null, number)
    os.close(null)


def guard_process() -> None:
    """Outlive the terminal and the pipe of who started us; what is written is nobody else's to read."""
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
