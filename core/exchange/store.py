"""A log with its read model."""

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from ...eventlog.documents.sessions import convert_session
from ...eventlog.home.paths import model_path
from ...eventlog.sources import live_files, pack_files
from ...eventlog.targets.log_targets import DiskTarget, LogTarget, MemoryTarget
from ...eventlog.targets.memory_log import MemoryLog
from ...projections.readmodel import ReadModel
from ..views.session import TestSession
from ..views.stored import fill_session


class SessionStore:
    """A log that is read through its model and added to under its lock. Safe to use from several threads.

    Args:
        path: the log; None for one in memory.
        memory: the log in memory; None for a new one.
    """

    def __init__(self, path: Path | None, memory: MemoryTarget | None = None) -> None:
        self.path = path
        self.target: LogTarget = (memory or MemoryTarget()) if path is None else DiskTarget(path)
        self.check_readable: Callable[[], None] | None = None
        """Raises an error if the log may not be read yet; None if it may."""
        self.catch_up: Callable[[], None] | None = None
        """Fetches what the log of a remote profile lacks; None for any other log."""
        self._mutex = threading.RLock()
        self._model: ReadModel | None = None
        self._pid = os.getpid()

    @contextmanager
    def model(self) -> Generator[ReadModel]:
        """Yield the read model, caught up with the log; that of an empty log if the log does not exist yet.

        The log of a remote profile is filled before that.

        Raises:
            LogUnavailableError: the log or the model cannot be read.
            ValueError: the profile of the log does not exist.
        """
        if self.check_readable is not None:
            self.check_readable()
        if self.catch_up is not None:
            self.catch_up()
        with self._mutex:
            model = self._open_model()
            model.catch_up()
            yield model

    @contextmanager
    def model_as_it_is(self) -> Generator[ReadModel]:
        """Yield the read model without catching up, for fields of returned sessions that are read later."""
        with self._mutex:
            model = self._model if self._pid == os.getpid() else None
            if model is None:
                model = self._open_model()
                model.catch_up()
            yield model

    def sessions(self, sut: str | None = None, since_us: int | None = None) -> list[TestSession]:
        """Return the visible sessions, the earliest first; results and texts are read when they are asked for.

        Args:
            sut: only of this system under test.
            since_us: only those that started at this time or later, in microseconds since the epoch.
        """
        with self.model() as model:
            rows = model.sessions(sut=sut, since_us=since_us)
        return [TestSession.from_row(self.model_as_it_is, row) for row in reversed(rows)]

    def session_named(self, session_id: str) -> TestSession | None:
        """Return the visible session of this name, or None."""
        with self.model() as model:
            row = model.session_named(session_id)
        return None if row is None else TestSession.from_row(self.model_as_it_is, row)

    def last_session(self) -> TestSession | None:
        """Return the session that started last, or None."""
        with self.model() as model:
            rows = model.sessions(limit=1)
        return TestSession.from_row(self.model_as_it_is, rows[0]) if rows else None

    def has_content(self, stream: str, session_id: str, digest: str) -> bool:
        """Return whether a stored session has the content of a document.

        Args:
            stream: the stored session.
            session_id: name of the document's session.
            digest: stream that the document was given: a digest of its content, in its own order or in order of time.
        """
        with self.model() as model:
            row = model.session_of(stream)
            if row is None:
                return False
            session = TestSession.from_row(self.model_as_it_is, row)
            session.session_id = session_id
            fill_session(session, self.model_as_it_is, texts=True)
        document = session.to_dict()
        return any(convert_session(document, keep_order=keep).stream == digest for keep in (False, True))

    def fill(self, session: TestSession) -> None:
        """Read all fields of a session at once, texts included."""
        fill_session(session, self.model_as_it_is, texts=True)

    def close(self) -> None:
        """Close the read model; it is opened again when it is needed."""
        with self._mutex:
            if self._model is not None and self._pid == os.getpid():
                self._model.close()
            self._model = None

    def _open_model(self) -> ReadModel:
        log = self._log()
        if self._pid != os.getpid():
            self._model, self._pid = None, os.getpid()  # the connection belongs to the parent process
        if self._model is not None and (self._model.log.name, type(self._model.log)) != (log.name, type(log)):
            self.close()
        if self._model is None:
            self._model = ReadModel.open(log, model_path(log.path) if log.on_disk else None)
        return self._model

    def _log(self):  # noqa: ANN202 - a source
        if self.path is not None and not self.path.exists() and not (pack_files(self.path) or live_files(self.path)):
            return MemoryLog(label=str(self.path))
        return self.target.source
