"""Pack a log: move whole, finished streams into compressed files in the folder `NAME.packs`.

A pack is gzip: the standard library reads it everywhere, and so do `zcat`, DuckDB and pandas, without a package to
install. zstd packs better and faster, but the standard library has it only from Python 3.14 on. A pack is made of
members of a megabyte, each with its lengths in an extra field (RFC 1952, subfield `IP`), so that a reader finds an
event in the middle without unpacking what comes before it.

A pack is complete, durable and read back before the log loses a line; a crash in between leaves events in both, which
are the same events.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..codec import parse_envelope, parse_version
from ..errors import LogUnavailableError
from ..files.system import SYSTEM, System
from ..format import FORMAT_VERSION
from ..reader import read_batches
from ..sources import LogSource, live_files, live_stream, pack_dir, pack_files
from ..times import parse_time
from .exclusive import ExclusiveLog, exclusive_log, find_plain_log
from .rewrite import write_new_file

MEMBER_BYTES = 1 << 20
_TEMPORARY_SUFFIX = ".pack"
_LEVEL = 6
_EXTRA = struct.Struct("<2sHQQ")
_EXTRA_BYTES = _EXTRA.size
_GZIP_HEAD = struct.Struct("<4sIBBH")


@dataclass
class PackReport:
    """Result of packing, or of a dry run."""

    log: str
    streams: list[str] = field(default_factory=list[str])
    """Streams that were moved."""
    events: int = 0
    bytes: int = 0
    """Their size in the log."""
    packed_bytes: int = 0
    """Size of the pack."""
    pack: str = ""
    """The new file; empty if there was nothing to pack."""


def pack_log(log: Path, older_than_us: int, *, dry_run: bool = False, system: System = SYSTEM) -> PackReport:
    """Move the finished streams that had no event since `older_than_us` into a new pack.

    A stream is finished if it is sealed or had no event since then. Streams about other sessions (cleared, purged, ...)
    stay in the log.

    Args:
        log: path of a plain log.
        older_than_us: microseconds since the epoch.
        dry_run: return the report without changing anything.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError, LogBusyError: it cannot be opened or locked, or holds damage; repair it first.
        OSError: the pack could not be written; the log is unchanged.
    """
    path = find_plain_log(log, "it is as small as packing makes it")
    with exclusive_log(path, _TEMPORARY_SUFFIX, dry_run=dry_run, system=system) as held:
        report = _look(path, older_than_us)
        if report.streams and not dry_run:
            _move(held, report)
    return report


def unpack_log(log: Path, *, system: System = SYSTEM) -> int:
    """Move the events of all packs back into the log, and return the number of packs.

    Raises:
        LogUnavailableError, LogBusyError: a pack is damaged, or the log cannot be opened or locked.
        OSError: the log could not be written; the packs stay.
    """
    path = Path(os.path.abspath(log))  # noqa: PTH100 - a link is refused when the file is opened, not followed here
    packs = pack_files(path)
    if not packs:
        return 0

    def fill(append: Callable[[bytes], None]) -> None:
        for source in (*packs, path):
            with LogSource(source).open() as stream:
                while data := stream.read(MEMBER_BYTES):
                    append(data)

    with exclusive_log(path, _TEMPORARY_SUFFIX, system=system) as held:
        for pack in packs:
            _check_whole(pack)
        held.replace(fill)
        for pack in packs:
            system.unlink(str(pack))
        system.sync_dir(str(pack_dir(path)))
    return len(packs)


def _look(path: Path, older_than_us: int) -> PackReport:
    report = PackReport(str(path))
    last: dict[str, str] = {}
    sizes: dict[str, int] = {}
    counts: dict[str, int] = {}
    about_others: set[str] = set()
    newer: set[str] = set()
    for batch in read_batches(path, strict=True, newer=True):
        damage = [finding for finding in batch.findings if finding.reason not in ("pending", "newer-format")]
        if any(finding.reason == "newer-format" for finding in batch.findings):
            newer.update(_stream_of(line) for line in batch.lines if parse_version(line) != FORMAT_VERSION)
        if damage:
            raise LogUnavailableError(path, f"holds damage ({damage[0]})", "run `insight log repair` first")
        for line in batch.lines:
            envelope = parse_envelope(line)
            if envelope is None:
                continue
            stream = envelope.stream
            last[stream] = max(last.get(stream, ""), envelope.at)
            sizes[stream] = sizes.get(stream, 0) + len(line) + 1
            counts[stream] = counts.get(stream, 0) + 1
            if envelope.type in _ABOUT_OTHERS:
                about_others.add(stream)
    live = {live_stream(file) for file in live_files(path)}
    for stream, at in last.items():
        if parse_time(at) < older_than_us and stream not in about_others | newer and stream not in live:
            report.streams.append(stream)
            report.events += counts[stream]
            report.bytes += sizes[stream]
    return report


_ABOUT_OTHERS = frozenset({"session.cleared", "session.restored", "session.superseded", "events.purged"})


def _move(held: ExclusiveLog, report: PackReport) -> None:
    path, system = held.path, held.system
    moved = set(report.streams)
    folder = pack_dir(path)
    system.make_private_dir(folder)
    pack = folder / _next_name(folder)
    temporary = str(pack) + _TEMPORARY_SUFFIX
    if Path(temporary).exists():
        system.unlink(temporary)
    write_new_file(temporary, lambda append: _write_members(_lines_of(path, moved, inside=True), append), system)
    os.replace(temporary, pack)  # noqa: PTH105 - one call, as atomic as the platform has it
    system.sync_dir(str(folder))
    system.sync_dir(str(path.parent))
    if _check_whole(pack) != report.events:
        raise LogUnavailableError(pack, "does not read back as it was written", "check the disk; the log is unchanged")

    def fill(append: Callable[[bytes], None]) -> None:
        for piece in _lines_of(path, moved, inside=False):
            append(piece)

    held.replace(fill)
    report.pack, report.packed_bytes = str(pack), pack.stat().st_size


def _next_name(folder: Path) -> str:
    numbers = [int(name[:6]) for name in os.listdir(folder) if name[:6].isdigit()]  # noqa: PTH208 - names only
    return f"{max(numbers, default=0) + 1:06d}.jsonl.gz"


def _lines_of(path: Path, streams: set[str], *, inside: bool) -> Iterator[bytes]:
    """Yield pieces of whole lines, of these streams or of all others."""
    for batch in read_batches(path, newer=True):
        lines = [line for line in batch.lines if (_stream_of(line) in streams) == inside]
        if lines:
            yield b"\n".join(lines) + b"\n"


def _stream_of(line: bytes) -> str:
    envelope = parse_envelope(line)
    return envelope.stream if envelope is not None else ""


def _check_whole(pack: Path) -> int:
    """Read a pack, and return the number of its events.

    Raises:
        LogUnavailableError: the pack is damaged.
    """
    events = 0
    for batch in read_batches(LogSource(pack)):
        if batch.findings:
            raise LogUnavailableError(pack, f"is damaged: {batch.findings[0]}", "restore it from a copy")
        events += len(batch.lines)
    return events


# ------------------------------------------------------------------ gzip members


def _write_members(pieces: Iterator[bytes], append: Callable[[bytes], None]) -> None:
    """Write pieces as gzip members of about a megabyte, each beginning with a whole line."""
    buffer = b""
    for piece in pieces:
        buffer += piece
        while len(buffer) >= MEMBER_BYTES:
            cut = buffer.rfind(b"\n", 0, MEMBER_BYTES) + 1 or buffer.find(b"\n") + 1
            append(_member(buffer[:cut]))
            buffer = buffer[cut:]
    if buffer:
        append(_member(buffer))


def _member(data: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    size = _GZIP_HEAD.size + _EXTRA_BYTES + len(body) + 8
    head = _GZIP_HEAD.pack(b"\x1f\x8b\x08\x04", 0, 0, 255, _EXTRA_BYTES)
    extra = _EXTRA.pack(b"IP", _EXTRA_BYTES - 4, size, len(data))
    return head + extra + body + struct.pack("<II", zlib.crc32(data), len(data))


__all__ = ["MEMBER_BYTES", "PackReport", "pack_log", "unpack_log"]
