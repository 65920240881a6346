"""Fold a whole log, on two processes where that pays.

Folds are mergeable, so the second half of a large log is folded by a process of its own, which sends what its stretches
resulted in over a pipe. It is started as a program, not forked: the caller may have threads.
"""

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import IO, BinaryIO, NamedTuple

import msgspec

from ..eventlog.lines.heads import LineRun, is_header, runs_of
from ..eventlog.reader import line_start_after, read_batches
from ..eventlog.scan import Batch, Finding
from ..eventlog.sources import LogSource, as_source
from .fold import fold_lines
from .parts import Fold, Nodes

CHUNK_BYTES = 1 << 18
"""Bytes read at once: so few that lines stay in the processor's cache from being read to being folded."""
PARALLEL_BYTES_MIN = 32 << 20
"""Below this the start of a process costs more than it saves."""

_OWN_SHARE = 0.45
"""Part of the log that this process folds itself; it also has to put together both parts."""
_FRAME = 8
_HELD_LINES_MAX = 10_000
_TYPE_AT = len(b'{"v":1,"type":"')
_SEALED = b'session.finished"'

Progress = Callable[[int, int], None]


class Stretch(NamedTuple):
    """Result of folding a stretch of a log."""

    fold: Fold
    nodeids: list[str]
    """Node ids that the stretches before do not have; their numbers, which its rows use, follow on `first_number`."""
    first_number: int
    """Number of the first of `nodeids`; 0 begins a new numbering."""
    findings: list[Finding]
    end: int
    """Byte offset where the next stretch begins."""


class _Frame(msgspec.Struct, array_like=True):
    fold: Fold
    nodeids: list[str]
    first_number: int
    findings: list[tuple[str, int, int, str, str]]
    end: int


def fold_range(source: LogSource, base: int, start: int, end: int | None) -> Iterator[Stretch]:
    """Fold a log from byte `start` to byte `end`, both starts of lines, in stretches of a few megabytes.

    Args:
        source: the log.
        base: added to every position.
        start: where to begin.
        end: where to end; None for the end of the log.
    """
    nodes = Nodes()
    for batch in whole_sessions(read_batches(source, start, end, CHUNK_BYTES, whole=True)):
        known = len(nodes.numbers)
        offsets = [base + offset for offset in batch.offsets] if base else batch.offsets
        fold = fold_lines(offsets, batch.lines, nodes, batch.runs)
        findings = [finding for finding in batch.findings if finding.reason != "pending"]
        findings += malformed_findings(fold, batch, base, source.name)
        yield Stretch(fold, nodes.names()[known:], known, findings, batch.end)


def whole_sessions(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Move the lines behind the last end of a session in each batch into the next, so that few sessions are cut.

    What is folded as a whole needs no joining, and its starts need no look. A long session is cut all the same, so that
    memory has a bound.
    """
    held = Batch([], [], [], 0)
    for batch in batches:
        offsets, lines = held.offsets + batch.offsets, held.lines + batch.lines
        runs = [*held.runs, *_move_runs(batch.runs or runs_of(batch.lines), len(held.lines))]
        cut = _last_end(runs, len(held.lines))
        if not cut and len(lines) > _HELD_LINES_MAX:
            cut = len(lines)
        end = offsets[cut] if cut < len(lines) else batch.end
        behind = [run for run in runs if run.start >= cut]
        yield Batch(offsets[:cut], lines[:cut], batch.findings, end, runs=runs[: len(runs) - len(behind)])
        held = Batch(offsets[cut:], lines[cut:], [], batch.end, runs=list(_move_runs(behind, -cut)))
    if held.lines:
        yield held


def _move_runs(runs: Iterable[LineRun], by: int) -> Iterator[LineRun]:
    return (run._replace(start=run.start + by) for run in runs)


def _last_end(runs: list[LineRun], first: int) -> int:
    """Return how many lines there are up to the last run that is a session's begin, or with it if it is sealed; 0 if
    that is before line `first`.
    """
    for run in reversed(runs):
        end = run.start + len(run.lines)
        if end > first and run.lines[-1].startswith(_SEALED, _TYPE_AT):
            return end
        if run.start >= first and is_header(run.lines[0]):
            return run.start
    return 0


def malformed_findings(fold: Fold, batch: Batch, base: int, log: str) -> list[Finding]:
    """Return a finding for each whole line of a batch whose fields are not those of its type."""
    places = sorted(position - base for part in fold.parts.values() for position in part.malformed)
    lengths = dict(zip(batch.offsets, map(len, batch.lines), strict=True)) if places else {}
    return [Finding(log, place, lengths[place], "malformed") for place in places]


def fold_parallel(
    source: LogSource, base: int = 0, workers: int | None = None, progress: Progress | None = None
) -> Iterator[Stretch]:
    """Fold a whole log, its stretches in order.

    Args:
        source: the log.
        base: added to every position.
        workers: 1 or 2 processes; None decides by the size of the log.
        progress: called with bytes done and bytes in all.
    """
    size = source.size()
    split = None
    if source.on_disk and not source.compressed and (workers == 2 or (workers is None and size >= PARALLEL_BYTES_MIN)):  # noqa: PLR2004
        split = line_start_after(source, int(size * _OWN_SHARE))
    if split is None:
        yield from _reporting(fold_range(source, base, 0, None), 0, size, progress)
        return
    command = [sys.executable, "-m", f"{__package__}.replay", str(source.path), str(base), str(split)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise RuntimeError("a pipe was asked for")
        mailbox = _Mailbox(process.stdout)
        yield from _reporting(fold_range(source, base, 0, split), 0, size, progress)
        yield from _reporting(mailbox.stretches(), split, size, progress)
    if process.returncode:
        raise RuntimeError(f"the second process of the replay ended with {process.returncode}")


def _reporting(stretches: Iterator[Stretch], done: int, size: int, progress: Progress | None) -> Iterator[Stretch]:
    for stretch in stretches:
        yield stretch
        if progress is not None:
            progress(max(stretch.end, done), max(size, stretch.end))


def _send(stretch: Stretch, stream: BinaryIO) -> None:
    findings = [tuple(finding) for finding in stretch.findings]
    data = msgspec.msgpack.encode(_Frame(*stretch[:3], findings, stretch.end))  # type: ignore[arg-type]
    stream.write(len(data).to_bytes(_FRAME, "big"))
    stream.write(data)


class _Mailbox:
    """Takes frames out of a pipe as they come, so that their sender never waits for us."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._frames: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        while head := self._pipe.read(_FRAME):
            self._frames.put(self._pipe.read(int.from_bytes(head, "big")))
        self._frames.put(b"")

    def stretches(self) -> Iterator[Stretch]:
        """Yield what was sent, in order."""
        decoder = msgspec.msgpack.Decoder(_Frame)
        while data := self._frames.get():
            frame = decoder.decode(data)
            findings = [Finding(*finding) for finding in frame.findings]  # type: ignore[arg-type]
            yield Stretch(frame.fold, frame.nodeids, frame.first_number, findings, frame.end)


def _main(path: str, base: str, start: str) -> None:
    for stretch in fold_range(as_source(path), int(base), int(start), None):
        _send(stretch, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
