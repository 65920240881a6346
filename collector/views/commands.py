"""Processes that answer questions with commands of the command line, one question at a time each.

They take the work off the process that accepts pushes, and a question that takes too long ends with its process.
"""

import os
import queue
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from ..bodies.attaching import SEGMENTS_VARIABLE
from ..history.asking import URL_VARIABLE
from ..problems import ProblemError

QUESTION_S: Final = 60.0
"""Seconds that a question may take."""

_COUNT: Final = 2
_EXIT_OK, _EXIT_NO, _EXIT_USAGE, _EXIT_LATER, _EXIT_DAMAGED = 0, 1, 2, 75, 76


class CommandResult(NamedTuple):
    """Output of a command."""

    code: int
    out: bytes
    err: str
    position: int
    """Of the feed that the answer reaches; 0 if the command has read a log."""


class AnswerProcesses:
    """Processes that run commands; each is started when it is first needed.

    Args:
        command: starts one; it reads `{"home": ..., "team": ..., "arguments": [...]}` and writes `[code, out, err,
            position]` as JSON lines.
        url: of the database with the tables of the teams.
        segments: URL of the bucket with the bodies of segments; empty without one.
        count: number of processes.
    """

    def __init__(self, command: Sequence[str], url: str, segments: str = "", count: int = _COUNT) -> None:
        self._command = list(command)
        self._variables = {URL_VARIABLE: url, SEGMENTS_VARIABLE: segments}
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        self._lock = threading.Lock()
        for _ in range(count):
            self._idle.put(None)
        self._started: list[subprocess.Popen[bytes]] = []

    def run(self, home: Path, arguments: Sequence[str], team: int = 0) -> CommandResult:
        """Run a command and return its output.

        Args:
            home: home of pytest-insight for the command.
            arguments: of `insight`.
            team: whose tables the command reads; 0 for the log that the arguments name.

        Raises:
            ProblemError: all processes are busy for too long, or the question takes too long.
        """
        try:
            process = self._idle.get(timeout=QUESTION_S)
        except queue.Empty:
            raise ProblemError("unavailable", "too many questions at once; ask later", {"Retry-After": "5"}) from None
        try:
            process = self._running(process)
            return _ask(process, {"home": str(home), "team": team, "arguments": list(arguments)})
        except (OSError, ValueError, msgspec.DecodeError):
            process = self._end(process)
            raise ProblemError(
                "unavailable", f"the question took more than {QUESTION_S:g} s or its process died; ask for less",
                {"Retry-After": "5"},
            ) from None  # fmt: skip
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            for process in self._started:
                self._end(process)

    def _running(self, process: "subprocess.Popen[bytes] | None") -> "subprocess.Popen[bytes]":
        if process is not None and process.poll() is None:
            return process
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHT_", "PYTEST_"))}
        environ |= {"GIT_CEILING_DIRECTORIES": "/", "NO_COLOR": "1", **self._variables}
        # In the root folder there is no checkout: names of commits are looked up in the log alone.
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            env=environ, start_new_session=True,
        )  # fmt: skip
        with self._lock:
            self._started.append(process)
        return process

    @staticmethod
    def _end(process: "subprocess.Popen[bytes] | None") -> None:
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with _no_broken_pipe():
                    stream.close()


@contextmanager
def _no_broken_pipe() -> Any:
    try:
        yield
    except BrokenPipeError:
        return  # what was not written goes with the process


def _ask(process: "subprocess.Popen[bytes]", question: dict[str, Any]) -> CommandResult:
    if process.stdin is None or process.stdout is None:
        raise ValueError("pipes were asked for")
    process.stdin.write(msgspec.json.encode(question) + b"\n")
    process.stdin.flush()
    code, out, err, position = msgspec.json.decode(_read_line(process.stdout), type=tuple[int, str, str, int])
    return CommandResult(code, out.encode(), err, position)


def _read_line(stream: IO[bytes]) -> bytes:
    """Return the next line of a pipe.

    Raises:
        TimeoutError: it is not complete in time.
        EOFError: the process has ended.
    """
    deadline_s = time.monotonic() + QUESTION_S
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not data.endswith(b"\n"):
            if not selector.select(max(0.0, deadline_s - time.monotonic())):
                raise TimeoutError("no answer in time")
            piece = os.read(stream.fileno(), 1 << 20)
            if not piece:
                raise ValueError("the process has ended")
            data += piece
    return bytes(data)


def refusal_of(result: CommandResult) -> ProblemError | None:
    """Return the problem that the exit code of a command means, or None if it has answered."""
    if result.code == _EXIT_OK:
        return None
    reason = result.err.strip().removeprefix("insight: ") or "no answer"
    if result.code == _EXIT_NO:
        return ProblemError("not-found", reason)
    if result.code == _EXIT_USAGE:
        return ProblemError("bad-request", reason)
    if result.code == _EXIT_LATER:
        return ProblemError("unavailable", reason, {"Retry-After": "5"})
    if result.code == _EXIT_DAMAGED:
        return ProblemError("damaged", reason)
    return ProblemError("internal", "the view of the log cannot be read; the log of the server says more")
