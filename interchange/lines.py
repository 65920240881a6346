"""Write the events of a foreign report as the lines of a stream.

The stream is named by a digest of the file and of the rules, so importing the same file again gives the same stream.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from ..core.exchange.incoming import Incoming, whole_lines
from ..eventlog.codec import line_encoder, line_hash
from ..eventlog.errors import EventTooLargeError
from ..eventlog.events import Event, SessionDescribed, SessionFinished, SessionStarted, Vcs
from ..eventlog.files.private import open_private
from ..eventlog.format import DIGEST_PLACE, DIGEST_SIZE
from ..eventlog.times import TimeFormatter
from .importers.protocol import ForeignReport, Member

RULES_VERSION = 1
"""Rises when the same file would give other events; part of the digest that names the stream."""

_CHUNK_BYTES = 1 << 20
_WAITING_MAX = 256
"""Lines that are written at once."""
_EXIT_FAILED, _EXIT_NO_TESTS = 1, 5
_BAD = ("failed", "error")


@dataclass(frozen=True)
class SessionFacts:
    """Facts about a session that are not in the file alone."""

    started_us: int
    sut: str
    date_from: str = "file"
    """Source of the start: `file`, or what took its place."""
    test_run: str = ""
    vcs: Vcs | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])


def stream_of(member: Member, form: str, date: str = "") -> str:
    """Return the id of the stream of a file: a digest of its bytes, without its name.

    Args:
        member: the file.
        form: its format.
        date: the date that the user gave it, if it has none.
    """
    digest = blake2b(f"foreign report {RULES_VERSION} {form} {date}\n".encode(), digest_size=DIGEST_SIZE)
    if not member.parts:
        _hash_file(digest, member.path)
        return digest.hexdigest()
    for part in sorted(_digest_of(path) for path in member.parts):
        digest.update(part)
    return digest.hexdigest()


def _digest_of(path: Path) -> bytes:
    digest = blake2b(digest_size=DIGEST_SIZE)
    _hash_file(digest, path)
    return digest.digest()


def _hash_file(digest: Any, path: Path) -> None:
    with path.open("rb") as stream:
        while data := stream.read(_CHUNK_BYTES):
            digest.update(data)


def known_session(stream: str, facts: SessionFacts, name: str) -> Incoming:
    """Return a session that the log has already: nothing of it is added."""
    return Incoming(stream, stream[:12], facts.sut, facts.started_us, 0, -1, 0, lambda: iter(()), name)


def write_session(report: ForeignReport, stream: str, facts: SessionFacts, name: str, target: Path) -> Incoming:
    """Write the events of a report to a file, and return the session.

    Raises:
        RefusedFileError: the file turns out to be dangerous; the session is not to be used.
    """
    writer = _LineWriter(stream, facts.started_us, target)
    with writer:
        writer.write(_header(report, stream, facts), facts.started_us)
        end_us = None if report.duration_us is None else facts.started_us + report.duration_us
        for event, ended_us, took_us in report.events:
            at_us = ended_us
            if at_us is None:  # as if the tests had run one after the other
                at_us = writer.at_us + took_us if end_us is None else min(writer.at_us + took_us, end_us)
            writer.write(event, at_us)
        if report.properties:
            pairs = cast("list[tuple[str, Any]]", report.properties)
            writer.write(SessionDescribed(properties=pairs), writer.at_us)
        if report.complete:
            duration_us = report.duration_us
            writer.seal(
                _exit_status(report), duration_us if duration_us is not None else writer.at_us - facts.started_us
            )
    return Incoming(
        stream, stream[:12], facts.sut, facts.started_us, writer.count, writer.count - 1, writer.size,
        partial(_pieces, target), name,
    )  # fmt: skip


def _header(report: ForeignReport, stream: str, facts: SessionFacts) -> SessionStarted:
    writer = {"source": report.format, "rules": str(RULES_VERSION)}
    if facts.date_from != "file":
        writer["date"] = facts.date_from
    elif not report.zone_known:
        writer["zone"] = "not in the file"
    writer |= {key: value for key, value in (("tool", report.tool), ("version", report.version)) if value}
    return SessionStarted(
        session_id=stream[:12],
        sut=facts.sut,
        testing_system={"name": report.host, "host": report.host} if report.host else {},
        pytest=report.version if report.tool == "pytest" else "",
        python=report.python,
        vcs=facts.vcs or report.vcs,
        tags=facts.tags,
        output="all",
        test_run=facts.test_run,
        writer=writer,
    )


def _exit_status(report: ForeignReport) -> int:
    """Return the exit status of the run; of a file that does not say it, the one pytest has for such results."""
    if report.exit_status is not None:
        return report.exit_status
    if any(report.outcomes[name] for name in _BAD):
        return _EXIT_FAILED
    return 0 if report.outcomes else _EXIT_NO_TESTS


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from whole_lines(iter(lambda: stream.read(_CHUNK_BYTES), b""))


class _LineWriter:
    """Writes events as lines of one stream, with times that never decrease."""

    def __init__(self, stream: str, started_us: int, target: Path) -> None:
        self._encode = line_encoder(stream)
        self._text_of = TimeFormatter()
        self._root = line_hash()
        self._target = target
        self._started_us = started_us
        self._waiting: list[bytes] = []
        self.at_us = started_us
        self.count = self.size = 0
        self.dropped = 0

    def __enter__(self) -> None:
        self._out = open_private(self._target)

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._out.close()

    def write(self, event: Event, at_us: int) -> None:
        """Write an event; one that does not fit into a line is counted."""
        self.at_us = max(self.at_us, at_us)
        try:
            line = self._encode(event, self.count, self._text_of(self.at_us))
        except EventTooLargeError:
            self.dropped += 1
            return
        self.count += 1
        self._waiting.append(line)
        if len(self._waiting) >= _WAITING_MAX:
            self._flush()

    def _flush(self) -> None:
        """Write the lines that wait: many at once, as a call for each costs as much as its digest."""
        data = b"".join(self._waiting)
        self._root.update(b"".join([line[DIGEST_PLACE] for line in self._waiting]))
        self._waiting.clear()
        self._out.write(data)
        self.size += len(data)

    def seal(self, exit_status: int, duration_us: int) -> None:
        """Write the end of the session."""
        self._flush()
        seal = SessionFinished(
            exit_status=exit_status,
            duration_us=duration_us,
            count=self.count,
            root=self._root.hexdigest(),
            dropped=self.dropped,
        )
        self.write(seal, self._started_us + duration_us)
