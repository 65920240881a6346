"""The process of the projector, as the server has it: started again when it dies."""

import os
import subprocess
import sys
import threading
from typing import Final

from ..bodies.attaching import SEGMENTS_VARIABLE
from .worker import URL_VARIABLE

_RESTART_S: Final = 1.0


class ProjectorProcess:
    """Starts the projector of a database, and starts it again when it ends.

    Args:
        url: of the database.
        segments: URL of the bucket with the bodies of segments; empty without one.
    """

    def __init__(self, url: str, segments: str = "") -> None:
        self._variables = {URL_VARIABLE: url, SEGMENTS_VARIABLE: segments}
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="projector-watcher", daemon=True)

    @property
    def pid(self) -> int | None:
        """Return the process id; None before the start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process."""
        self._process = self._start_process()
        self._thread.start()

    def close(self) -> None:
        """End the process."""
        self._closing.set()
        _end(self._process)
        if self._thread.is_alive():
            self._thread.join()
        _end(self._process)  # one that was started just now

    def _start_process(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "pytest_insight.collector.views.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=os.environ | self._variables,
            start_new_session=True,
        )

    def _watch(self) -> None:
        while self._process is not None:
            self._process.wait()
            _end(self._process)
            if self._closing.wait(_RESTART_S):
                return
            self._process = self._start_process()


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    """Close the standard input of the process, which ends it, and wait for that."""
    if process is not None and process.stdin is not None:
        process.stdin.close()
        process.wait()
