"""Threads that read the log: each has a read model of its own, and runs one job after the other."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ..eventlog.errors import EventLogError
from ..eventlog.sources import LogSource
from ..projections.readmodel import ReadModel
from ..projections.readmodel.model_file import model_file_of

T = TypeVar("T")

READ_ERRORS = (OSError, EventLogError, sqlite3.Error, LookupError)
"""Errors of reading while the log is removed, replaced, purged or repaired."""


class ModelThread:
    """A thread with a read model; it ends with the process, whatever it is doing.

    Args:
        source: the log; it need not exist.
        name: of the thread.
    """

    def __init__(self, source: LogSource, name: str) -> None:
        self._source = source
        self._jobs: queue.SimpleQueue[tuple[Callable[[ReadModel], Any], Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, job: Callable[[ReadModel], T]) -> "Future[T]":
        """Run a job when those before it are done."""
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    async def ask(self, job: Callable[[ReadModel], T]) -> T:
        """Return what a job returns."""
        return await asyncio.wrap_future(self.submit(job))

    def _work(self) -> None:
        model: ReadModel | None = None
        while True:
            job, future = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                model = model or ReadModel.open(self._source, model_file_of(self._source))
                future.set_result(job(model))
            except BaseException as error:  # noqa: BLE001 - it is raised where the job was given
                future.set_exception(error)


def reason_of(error: BaseException) -> str:
    """Return an error of reading as `path: reason`."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
