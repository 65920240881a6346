"""The server process: a socket of this machine alone, the thread that watches the log, and an end at once."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..eventlog.sources import LogSource
from .access.guard import PageGuard
from .access.tokens import PARAMETER, Door
from .app import Dashboard
from .following import LogWatcher
from .problem import problem_page
from .rules import ANSWER_HEADERS, check_host
from .survey import Choice

_BACKLOG = 128


@dataclass(frozen=True)
class DashboardSettings:
    """Settings of `insight dashboard`."""

    source: LogSource
    choose: Choice = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    """0 for any free one."""
    with_token: bool = True
    alive: Callable[[], bool] = field(default=lambda: True, repr=False)
    """Asked once a second; the dashboard ends when it returns False."""


class _DashboardServer(uvicorn.Server):
    """uvicorn server that leaves signals to the dashboard: uvicorn would end by the signal instead of with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class StrictProtocol(H11Protocol):
    """HTTP whose answers to what is no HTTP have the headers of all answers."""

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request."""
        body = problem_page(400, msg)
        headers = [*ANSWER_HEADERS, (b"content-type", b"text/html; charset=utf-8"), (b"connection", b"close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this machine alone.

    Raises:
        ValueError: the address can be reached from other machines.
        OSError: the port is taken.
    """
    address = check_host(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With an explicit protocol asyncio turns off Nagle's algorithm, which would delay every answer by 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        # At once: with SO_REUSEADDR two processes may bind one port, and only the first to listen has it.
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            reason = "another program listens there; give another --port, or 0 for a free one"
            raise OSError(errno.EADDRINUSE, reason, _show_address(address, port)) from None
        raise OSError(error.errno, f"cannot listen there: {error.strerror}", _show_address(address, port)) from None
    return listening


def _show_address(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def run_dashboard(settings: DashboardSettings, announce: Callable[[str], None]) -> None:
    """Serve until the process is asked to end.

    Args:
        settings: of the command line.
        announce: called with the address to open, when it can be opened; and with a new one when it was used.

    Raises:
        ValueError: the host can be reached from other machines.
        OSError: the port is taken.
    """
    listening = open_listener(settings.host, settings.port)
    address, port = listening.getsockname()[:2]
    door = Door(port, is_open=not settings.with_token)

    def tell() -> None:
        token = door.make_token()
        announce(f"http://{_show_address(address, port)}/{f'?{PARAMETER}={token}' if token else ''}")

    tell()
    with listening:
        asyncio.run(_serve(settings, listening, door, tell))


async def _serve(
    settings: DashboardSettings, listening: socket.socket, door: Door, entered: Callable[[], None]
) -> None:
    dashboard = Dashboard(settings.source, settings.choose)
    config = uvicorn.Config(
        PageGuard(dashboard.app(), door, entered),
        http=StrictProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _DashboardServer(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        dashboard.changes.end()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        # A signal that the parent ignored, as a shell does in the background, stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, end)
    dashboard.attach(loop)

    def alive() -> bool:
        if not settings.alive():
            loop.call_soon_threadsafe(end)
            return False
        return True

    watcher = LogWatcher(settings.source, dashboard.follow_change, alive)
    watcher.start()
    try:
        await server.serve([listening])
    finally:
        watcher.stop()
