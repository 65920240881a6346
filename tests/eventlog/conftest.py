"""A log to damage byte by byte, and processes to kill."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import TestFinished, TestStarted
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.scan import Finding
from pytest_insight.eventlog.writer import LogWriter

STREAM = "ab" * 16
AT = "2026-11-21T01:23:45.123456Z"


def make_line(seq: int, stream: str = STREAM, size: int = 40) -> bytes:
    """One whole line with its newline."""
    return encode_event(TestStarted(nodeid=f"t.py::{'x' * size}{seq}"), stream=stream, seq=seq, at=AT)


class Bytes:
    """A log file with verbs for what can happen to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, *lines: bytes) -> "Bytes":
        """Put these bytes at the end, as a writer without rules would."""
        with self.path.open("ab") as stream:
            stream.write(b"".join(lines))
        return self

    def reset(self, data: bytes) -> "Bytes":
        """Make these the whole content."""
        self.path.write_bytes(data)
        return self

    def seqs(self) -> list[int]:
        """The seqs of all events that a reader finds, in order."""
        return [item.envelope.seq for item in read_records(self.path) if isinstance(item, Record)]

    def findings(self) -> list[Finding]:
        """What a reader finds that is no event."""
        return [item for item in read_records(self.path) if isinstance(item, Finding)]

    def append(self) -> int:
        """Append one event by the rules and return its seq."""
        writer = LogWriter(self.path)
        writer.append(TestFinished(nodeid="after", outcome="passed"))
        writer.close()
        return 0


@pytest.fixture
def log(tmp_path):
    """An empty log."""
    return Bytes(tmp_path / "log.jsonl")


@pytest.fixture
def line():
    """Make whole lines: `line(seq)`."""
    return make_line


@pytest.fixture
def program(tmp_path):
    """Start Python programs: `program(code, *args)` returns the process."""
    processes = []

    def start(code: str, *args: object, **options) -> subprocess.Popen:
        command = [sys.executable, "-c", code, *map(str, args)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        process = warm.Popen(command, cwd=tmp_path, env=dict(os.environ), **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
