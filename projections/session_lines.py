"""Fold the lines of a session other than starts and ends of tests: one function for each type."""

from array import array
from typing import cast

import msgspec

from ..eventlog.codec import parse_envelope
from .lines import (
    decode_announced,
    decode_collect,
    decode_cut,
    decode_degraded,
    decode_described,
    decode_header,
    decode_output,
    decode_purged,
    decode_seal,
    decode_subtest,
    decode_target,
    decode_warning,
)
from .parts import Fold, Nodes, SessionPart, add_count
from .rules import ChangeKind


def _take_header(part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    header = decode_header(line)
    for key in ("v", "type", "stream", "seq", "digest"):
        header.pop(key, None)
    if not isinstance(header.get("session_id"), str) or not isinstance(header.get("sut"), str):
        raise ValueError("a header without session_id and sut")  # noqa: TRY004 - joins the decode errors
    msgspec.msgpack.encode(header)  # what the model cannot keep is malformed here, and not an error later
    part.header, part.header_at = header, offset


def _take_described(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    event = decode_described(line)
    msgspec.msgpack.encode(event.properties)  # as for the header
    part.dirty = part.dirty if event.dirty is None else event.dirty
    part.properties += event.properties


def take_announced(nodes: Nodes, part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    """Add an announcement of tests."""
    event = decode_announced(line)
    found = list(map(nodes.numbers.get, event.nodeids))  # most have finished, and so have a number
    if None in found:
        found = [nodes.number(nodeid) for nodeid in event.nodeids]
    column = array("I", cast("list[int]", found)).tobytes()
    part.announced[event.worker] = part.announced.get(event.worker, b"") + column
    part.announced_at.append(offset)
    part.deselected += event.deselected
    part.announced_each = part.announced_each or bool(event.worker)


def _take_collect_failed(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.collect_failed.append(decode_collect(line).nodeid)
    add_count(part.subtests, "collection error")


def _take_collect_skipped(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    decode_collect(line)
    add_count(part.subtests, "collection skipped")


def _take_subtest(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    event = decode_subtest(line)
    name = event.category or ("failed" if event.outcome == "failed" else "")
    if name:
        add_count(part.subtests, name)


def _take_warning(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.warnings += 1
    nodeid = decode_warning(line).nodeid
    if nodeid and nodeid not in part.warned:
        part.warned.append(nodeid)


def _take_cut(_: SessionPart, __: int, line: bytes, ___: Fold) -> None:
    decode_cut(line)  # one that is malformed is no note


def _take_lost_worker(part: SessionPart, _: int, __: bytes, ___: Fold) -> None:
    part.lost_workers += 1


def _take_output(part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    part.outputs.append((decode_output(line).name, offset))


def _take_degraded(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.dropped = max(part.dropped, decode_degraded(line).dropped)


def _take_seal(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    seal = decode_seal(line)
    part.exit_status, part.duration_us, part.seal_count = seal.exit_status, seal.duration_us, seal.count
    part.interrupted, part.internal_error = seal.interrupted, seal.internal_error
    part.dropped = max(part.dropped, seal.dropped)


def _take_cleared(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "cleared")


def _take_superseded(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "superseded")


def _take_restored(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "restored")


def _take_purged(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    event = decode_purged(line)
    fold.purged.extend((stream, "") for stream in event.streams)
    fold.purged.extend((stream, digest) for stream, _, digest in event.lines)


def _change(line: bytes, fold: Fold, what: ChangeKind) -> None:
    envelope = parse_envelope(line)
    target = decode_target(line).target
    at = envelope.at if envelope is not None else ""
    fold.changes.setdefault(target, []).append((at, line[-34:-2].decode("ascii"), what))


NOTED = frozenset(
    {"collection.failed", "collection.skipped", "test.cut", "worker.lost", "recorder.degraded", "warning.recorded"}
)


TAKERS = {
    "session.started": _take_header,
    "session.described": _take_described,
    "collection.failed": _take_collect_failed,
    "collection.skipped": _take_collect_skipped,
    "subtest.finished": _take_subtest,
    "warning.recorded": _take_warning,
    "test.cut": _take_cut,
    "worker.lost": _take_lost_worker,
    "output.recorded": _take_output,
    "recorder.degraded": _take_degraded,
    "session.finished": _take_seal,
    "session.cleared": _take_cleared,
    "session.superseded": _take_superseded,
    "session.restored": _take_restored,
    "events.purged": _take_purged,
}
"""Every type but `tests.announced` and the two that come once per test; what is not here is carried and counted."""
