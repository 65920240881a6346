"""Several processes that serve one port; one that dies is started again."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

import msgspec

from ...database.connections import open_engine
from ...limits import RequestLimits
from ..context import ServerContext
from .http_server import end_in_order, make_http_server

log = logging.getLogger(__name__)

SETTINGS_VARIABLE: Final = "INSIGHT_SERVE_WORKER"
"""The settings have the password of the database: they are in the environment, which other users cannot see."""

PAUSE_S: Final = 1.0
"""Seconds between the end of a process and the start of the next one in its place."""

_LOOK_S: Final = 0.1
_END_S: Final = 20.0


class WorkerSettings(msgspec.Struct, frozen=True):
    """Settings of each process."""

    url: str
    """Of the database."""
    folder: Path
    command: tuple[str, ...]
    limits: RequestLimits
    segments: str
    """URL of the bucket with the bodies of segments; empty without one."""
    has_pages: bool
    uvicorn: dict[str, Any]


def serve_here(settings: WorkerSettings, listening: socket.socket) -> None:
    """Serve in this process until it is asked to end."""
    engine = open_engine(settings.url, segments=settings.segments)
    context = ServerContext(
        engine, settings.folder, list(settings.command), settings.limits, has_pages=settings.has_pages
    )
    end_in_order()
    make_http_server(context, **settings.uvicorn).run(sockets=[listening])


def serve_in_processes(settings: WorkerSettings, listening: socket.socket, count: int) -> None:
    """Serve in so many processes until this one is asked to end."""
    asked = threading.Event()

    def end(_: int, __: object) -> None:
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    running = [_start(settings, listening) for _ in range(count)]
    try:
        while not asked.wait(_LOOK_S):
            running = [_renew(process, settings, listening, asked) for process in running]
    finally:
        _end_all(running)


def _start(settings: WorkerSettings, listening: socket.socket) -> "subprocess.Popen[bytes]":
    fd = listening.fileno()
    # The terminal sends SIGINT to all processes of its group: in a session of their own only this one ends them.
    return subprocess.Popen(
        [sys.executable, "-m", "pytest_insight.collector.server.process.worker", str(fd)],
        stdin=subprocess.PIPE,
        env=os.environ | {SETTINGS_VARIABLE: msgspec.json.encode(settings, enc_hook=str).decode()},
        pass_fds=(fd,),
        start_new_session=True,
    )


def _renew(
    process: "subprocess.Popen[bytes]", settings: WorkerSettings, listening: socket.socket, asked: threading.Event
) -> "subprocess.Popen[bytes]":
    if process.poll() is None:
        return process
    log.warning("a process of the server has ended with %s; another one is started", process.returncode)
    _close_input(process)
    asked.wait(PAUSE_S)
    return process if asked.is_set() else _start(settings, listening)


def _end_all(running: "list[subprocess.Popen[bytes]]") -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close_input(process)


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
