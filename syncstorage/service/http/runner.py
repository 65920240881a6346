"""A running service: uvicorn, the periodic work of the coordinator, and the end."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Generator

import uvicorn

from ...sinks import Sinks
from ..coordinator import Coordinator
from ..idle import IdleWatch
from .app import SyncStorage
from .guard import HEADER_BYTES_MAX
from .protocol import TimedProtocol
from .sockets import BACKLOG

__all__ = ["Service"]

IDLE_CONNECTION_S = 900
TICK_MIN_S = 0.05
TICK_MAX_S = 1.0
SUSPENDED_S = 2.0
"""A pause that takes longer than planned by this time, in seconds, means that the process or the machine was
suspended."""
DRAIN_S = 1.0

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn server that leaves signals to the service: uvicorn would end by the signal instead of with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Service:
    """One running service.

    Args:
        core: the coordinator.
        sinks: receive completed test runs.
    """

    def __init__(self, core: Coordinator, sinks: Sinks) -> None:
        self._core = core
        self._sinks = sinks
        self._app = SyncStorage(core, lambda: self._end("shutdown"))
        self._reason = ""
        self._idle = IdleWatch(core, lambda: self._app.requests, lambda: self._app.waiting_since_s)
        config = uvicorn.Config(
            self._app.asgi(),
            http=type("Protocol", (TimedProtocol,), {"request_s": core.limits.request_s}),
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
        """Serve until the end, and return the reason of the end."""
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
            # A signal that the parent ignored, as a shell does in the background, stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._end, number.name)

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._app.close()
        self._server.should_exit = True

    async def _tick(self) -> None:
        """Do periodic work when it is due."""
        while not self._reason:
            try:
                await self._do_due_work()
            except Exception:  # a full disk, or a defect: it is logged and tried again
                log.exception("periodic work failed")
                await asyncio.sleep(TICK_MAX_S)
            # After each round, also a failed one: permanent failures must not keep the service alive.
            reason = self._idle.reason_to_end()
            if reason:
                self._end(reason)

    def _end_with_tick(self, tick: asyncio.Task[None]) -> None:
        """End the service if its periodic work failed: nothing else would end it."""
        if not tick.cancelled() and tick.exception() is not None:
            log.error("a defect: %r", tick.exception())
            self._end("defect")

    async def _do_due_work(self) -> None:
        """Wait until something is due or changes, and do it."""
        began_s = time.monotonic()
        due_s = min(self._core.next_due_s(), self._idle.ends_s) - began_s
        nap_s = min(max(due_s, TICK_MIN_S), TICK_MAX_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(nap_s):
                await self._app.changed()
        slept_s = time.monotonic() - began_s
        if slept_s > nap_s + SUSPENDED_S:
            self._core.extend_leases(slept_s)
        writes = self._core.writes
        self._core.settle()
        if self._core.writes != writes:
            self._app.notify()
