"""HTTP in one process: connections that send nothing or take nothing are ended."""

import asyncio
import logging
import signal
import socket
import sys
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..answers import describe_error
from ..app import make_app
from ..context import ServerContext

log = logging.getLogger(__name__)

HEAD_S: Final = 30.0
"""Seconds in which the head of a request has to arrive."""

TAKE_S: Final = 60.0
"""Seconds after which a connection is cut whose client does not read what is sent."""

GRACE_S: Final = 10
"""Seconds for requests that run when the server is asked to end."""

_BACKLOG: Final = 2048


class LimitedConnection(H11Protocol):
    """A connection that is ended if the head of a request does not arrive in time."""

    head_s: float = HEAD_S
    _head_timer: asyncio.TimerHandle | None = None
    _before: object = None
    """Request before the head that is waited for."""

    def connection_made(self, transport: Any) -> None:
        """Start the timer for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Start the timer for the next head when its first byte arrives."""
        if self._head_timer is None and self._is_idle():
            self._wait_for_head()
        super().data_received(data)
        if self._head_timer is not None and self.cycle is not self._before:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, though its declaration does not say so
        return cycle is None or bool(cycle.response_complete)

    def _wait_for_head(self) -> None:
        self._before = self.cycle
        self._head_timer = self.loop.call_later(self.head_s, self._end_without_head)

    def _end_without_head(self) -> None:
        self._head_timer = None
        self.transport.abort()


class AnswerCutError(RuntimeError):
    """An answer that has begun cannot be completed."""


class ErrorShield:
    """An application whose errors reach the log without their texts, which may hold lines of logs.

    Args:
        app: of which every error was answered, or has cut off its answer.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        ended = False

        async def watched_send(message: Any) -> None:
            nonlocal ended
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            if not ended:  # else it was answered as a defect, and is in the log
                log.error("an answer was cut off: %s", describe_error(error))  # noqa: TRY400 - without its text
                raise AnswerCutError("the answer was cut off, see the line before") from None


class EndingServer(uvicorn.Server):
    """A server whose followers of the feed are told at once when it is asked to end."""

    def __init__(self, config: uvicorn.Config, context: ServerContext) -> None:
        super().__init__(config)
        self._context = context

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._context.ending.set()
        super().handle_exit(sig, frame)


def make_http_server(context: ServerContext, **more: Any) -> EndingServer:
    """Return the server of an application.

    Args:
        context: of the application.
        more: settings of uvicorn.
    """
    # The access log is off: it would have the cursors and node ids of all teams in it.
    config = uvicorn.Config(
        ErrorShield(make_app(context)),
        http=LimitedConnection,
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        **more,
    )
    return EndingServer(config, context)


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait until the application accepts them.

    Raises:
        OSError: the port is taken or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    set_take_time(listening, TAKE_S)
    listening.bind((host, port))
    listening.listen(_BACKLOG)
    return listening


def set_take_time(listening: socket.socket, seconds: float) -> None:
    """Cut connections of a socket whose client does not read what is sent; without effect where the system cannot."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def end_in_order() -> None:
    """Let signals end the process by an exception: uvicorn raises them again after it has closed all connections."""

    def end(_: int, __: FrameType | None) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
