"""Several processes that serve one port; one that dies is started again."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...database.connections import open_engine
from ...limits import RequestLimits
from ..context import ServerContext
from .http_server import end_in_order, make_http_server

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
"""Seconds between the end of a process and the start of the next one in its place."""

END_S: Final = 20.0


class WorkerSettings(NamedTuple):
    """Settings of each process."""

    url: str
    """Of the database."""
    folder: Path
    command: tuple[str, ...]
    limits: RequestLimits
    uvicorn: dict[str, Any]


def serve_here(settings: WorkerSettings, listening: socket.socket) -> None:
    """Serve in this process until it is asked to end."""
    engine = open_engine(settings.url)
    context = ServerContext(engine, settings.folder, list(settings.command), settings.limits)
    end_in_order()
    make_http_server(context, **settings.uvicorn).run(sockets=[listening])


def serve_in_processes(settings: WorkerSettings, listening: socket.socket, count: int) -> None:
    """Serve in so many processes until this one is asked to end."""
    spawn = multiprocessing.get_context("spawn")
    asked = threading.Event()

    def start() -> BaseProcess:
        process = spawn.Process(target=_work, args=(settings, listening), name="insight-serve")
        process.start()
        return process

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    running = [start() for _ in range(count)]
    try:
        while not asked.is_set():
            wait([process.sentinel for process in running], PAUSE_S)
            running = [_renew(process, start, asked) for process in running]
    finally:
        _end_all(running)


def _renew(process: BaseProcess, start: Callable[[], BaseProcess], asked: threading.Event) -> BaseProcess:
    if process.is_alive() or asked.is_set():
        return process
    log.warning("a process of the server has ended with %s; another one is started", process.exitcode)
    asked.wait(PAUSE_S)
    return process if asked.is_set() else start()


def _end_all(running: list[BaseProcess]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        process.join(END_S)
        if process.is_alive():
            process.kill()
            process.join()


def _work(settings: WorkerSettings, listening: socket.socket) -> None:
    """Serve in a process that was started; it ends with the one that has started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the first process ends the others
    threading.Thread(target=_end_with_parent, name="parent-watcher", daemon=True).start()
    serve_here(settings, listening)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
