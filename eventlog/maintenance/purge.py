"""Remove sessions or a text, for instance a secret, physically from a log.

Sessions are removed whole. A text is replaced within the events that hold it; they keep their place and get a new
digest. A tombstone (`events.purged`) names the removed lines by stream, seq and digest: merging an old copy does not
bring them back, and seals are still checked. This is the only command that rewrites events; all others append.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec

from ..codec import encode_event, line_digest, line_hash, parse_envelope
from ..errors import LogUnavailableError
from ..events import EventsPurged
from ..files.system import SYSTEM, System
from ..format import FORMAT_VERSION
from ..live.collect import collect_live_files
from ..reader import read_batches
from ..scan import Finding
from ..sources import live_dirs, live_files, pack_files
from ..times import format_time
from .exclusive import LOCK_TIMEOUT_S, exclusive_log, find_plain_log
from .recording import refuse_if_recorded, session_name
from .remains import remains_of
from .rewrite import replace_file

PURGED = "[purged]"
"""Replacement of a removed text."""

_TEMPORARY_SUFFIX = ".purge"
_LINES_PER_TOMBSTONE = 500
_ENVELOPE = ("v", "type", "stream", "seq", "at", "digest")
_PROOF: dict[str, frozenset[str]] = {
    "session.finished": frozenset({"root"}),
    "session.cleared": frozenset({"target"}),
    "session.restored": frozenset({"target"}),
    "session.superseded": frozenset({"target", "by"}),
    "events.purged": frozenset({"streams", "lines"}),
}
"""Fields of digests and streams, by type. They hold no recorded text, and a text such as `db` may occur in them by
chance; without them seals and tombstones would be damaged."""
_HEAD = re.compile(rb'\{"v":\d+,"type":"[^"]*","stream":"[0-9a-f]{32}","seq":\d+,"at":"[^"]*"')

Changed = Callable[[str], str]


@dataclass
class PurgeReport:
    """Result of a purge, or of a dry run."""

    log: str
    streams: list[str] = field(default_factory=list[str])
    """Sessions that were removed."""
    removed: int = 0
    """Number of their events."""
    changed: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    """`(stream, seq, digest)` of the lines whose text was replaced."""
    damaged: list[Finding] = field(default_factory=list[Finding])
    """Lines that are not events; they were dropped, since their content is unknown."""
    dropped: list[Finding] = field(default_factory=list[Finding])
    """Those of `damaged` that hold the text."""
    files: list[str] = field(default_factory=list[str])
    """Files that were rewritten."""
    remains: list[str] = field(default_factory=list[str])
    """Temporary files of killed commands, which may hold a copy; they were removed."""
    left: list[str] = field(default_factory=list[str])
    """Files next to the log that may hold a copy; they were not changed."""

    @property
    def found(self) -> bool:
        """Whether anything was found to purge."""
        return bool(self.streams or self.changed or self.dropped)


def purge_log(
    log: Path,
    *,
    streams: frozenset[str] = frozenset(),
    text: re.Pattern[str] | None = None,
    reason: str = "",
    dry_run: bool = False,
    system: System = SYSTEM,
) -> PurgeReport:
    """Remove sessions, or a text wherever it occurs, from a log and its live files.

    Args:
        log: path of a plain log.
        streams: sessions to remove whole.
        text: pattern of the text to replace in the others.
        reason: kept in the tombstone; must not hold the secret.
        dry_run: return the report without changing anything.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it is compressed or packed, a running session holds the text, or it cannot be used
            as a log.
        LogBusyError: it cannot be locked.
        OSError: the new file could not be written; the log is unchanged.
    """
    path = find_plain_log(log)
    _refuse_packed(path)
    report = PurgeReport(str(path))
    search = _Search(streams, text)
    if dry_run:
        for file in (path, *live_files(path)):
            search.look(file, report)
        report.remains = [str(file) for file in remains_of(path)]
        report.left = [name for name in left_copies(path) if name not in report.remains]
        return report
    refuse_if_recorded(path, system=system)
    collect_live_files(path, lock_timeout_s=LOCK_TIMEOUT_S, system=system)
    with exclusive_log(path, _TEMPORARY_SUFFIX, system=system) as held:
        report.remains = [str(file) for file in held.remains]
        search.look(path, report)
        for file in live_files(path):
            _purge_live_file(file, search, report, system)
        if report.found:
            tombstone = _tombstone(report, reason, search.latest, system)
            held.replace(lambda append: _fill(path, search, append, tombstone))
            report.files.append(str(path))
    report.left = left_copies(path)
    return report


def left_copies(path: Path) -> list[str]:
    """Return files next to a log that may hold copies of its lines, by their names: backups and old documents."""
    names = [name for name in os.listdir(path.parent) if name.startswith(path.name) and name != path.name]  # noqa: PTH208
    copies = [path.parent / name for name in names if not (path.parent / name).is_dir()]
    live = set(live_files(path))
    copies += [file for folder in live_dirs(path) if folder.is_dir() for file in folder.iterdir() if file not in live]
    return sorted(map(str, copies))


class _Search:
    """The sessions and the text to remove, and the lines that hold them."""

    def __init__(self, streams: frozenset[str], text: re.Pattern[str] | None) -> None:
        self._streams = streams
        self._text = text
        self.latest = ""
        self._seen: set[tuple[str, int, str]] = set()

    def look(self, path: Path, report: PurgeReport) -> None:
        """Add everything in a file that is to be removed to the report."""
        for batch in read_batches(path, strict=True, newer=True):
            damaged = [finding for finding in batch.findings if finding.reason not in ("pending", "newer-format")]
            report.damaged.extend(damaged)
            report.dropped.extend(finding for finding in damaged if self._is_in(path, finding))
            self._refuse_newer(path, batch.findings)
            for line in batch.lines:
                self._note(line, report)

    def _is_in(self, path: Path, finding: Finding) -> bool:
        """Return whether the bytes of a finding hold the text."""
        if self._text is None:
            return False
        with path.open("rb") as stream:
            stream.seek(finding.offset)
            return bool(self._text.search(stream.read(finding.length).decode("utf-8", "replace")))

    def _refuse_newer(self, path: Path, findings: list[Finding]) -> None:
        newer = [finding for finding in findings if finding.reason == "newer-format" and self._is_in(path, finding)]
        if newer:
            raise LogUnavailableError(
                path,
                f"holds it in a line of a newer format at byte {newer[0].offset}",
                "upgrade to purge it",
            )

    def _note(self, line: bytes, report: PurgeReport) -> None:
        envelope = parse_envelope(line)
        if envelope is None or envelope.v != FORMAT_VERSION:
            return
        self.latest = max(self.latest, envelope.at)
        if envelope.stream in self._streams:
            report.removed += 1
            if envelope.stream not in report.streams:
                report.streams.append(envelope.stream)
        elif self.replace_text(line) is not line:
            key = (envelope.stream, envelope.seq, line_digest(line))
            if key not in self._seen:
                self._seen.add(key)
                report.changed.append(key)

    def keep(self, line: bytes) -> bytes | None:
        """Return the line for the new file; None if it is removed."""
        envelope = parse_envelope(line)
        if envelope is not None and envelope.stream in self._streams:
            return None
        return line if envelope is not None and envelope.v != FORMAT_VERSION else self.replace_text(line)

    def touches(self, path: Path) -> bool:
        """Return whether anything in a file is to be removed."""
        batches = read_batches(path, strict=True, newer=True)
        return any(self.keep(line) is not line for batch in batches for line in batch.lines)

    def replace_text(self, line: bytes) -> bytes:
        """Return a line without the text; the same object if it does not hold it."""
        if self._text is None:
            return line
        head = _HEAD.match(line)
        fields = cast("dict[str, Any]", msgspec.json.decode(line))
        fixed = _PROOF.get(fields["type"], frozenset())
        changed = {
            name: value if name in fixed else _without(value, self._text)
            for name, value in fields.items()
            if name not in _ENVELOPE
        }
        if head is None or all(fields[name] == value for name, value in changed.items()):
            return line
        body = head[0] + b"".join(b",%b:%b" % (_json(name), _json(value)) for name, value in changed.items())
        return b'%b,"digest":"%b"}' % (body, line_hash(body).hexdigest().encode())


_json = msgspec.json.Encoder().encode


def _without(value: Any, text: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return text.sub(PURGED, value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {text.sub(PURGED, key): _without(item, text) for key, item in items}
    if isinstance(value, list):
        return [_without(item, text) for item in cast("list[Any]", value)]
    return value


def _kept_lines(path: Path, search: _Search) -> Iterator[bytes]:
    """Yield the lines of the new file; an unfinished line and lines of a newer format are unchanged."""
    for batch in read_batches(path, strict=True, newer=True):
        lines = [kept for line in batch.lines if (kept := search.keep(line)) is not None]
        if lines:
            yield b"\n".join(lines) + b"\n"


def _fill(path: Path, search: _Search, append: Callable[[bytes], None], tombstone: bytes) -> None:
    for piece in _kept_lines(path, search):
        append(piece)
    append(tombstone)


def _purge_live_file(path: Path, search: _Search, report: PurgeReport, system: System) -> None:
    search.look(path, report)
    if not search.touches(path):
        return
    fd = system.open_append(str(path))
    try:
        if not system.lock(fd):
            reason = f"session {session_name(path)} is running and holds it"
            raise LogUnavailableError(path, reason, "wait until its test run has ended")
        replace_file(path, _TEMPORARY_SUFFIX, lambda append: _fill(path, search, append, b""), system)
        report.files.append(str(path))
    finally:
        system.close(fd)


def _tombstone(report: PurgeReport, reason: str, latest: str, system: System) -> bytes:
    stream = os.urandom(16).hex()
    at = max(format_time(system.time_ns() // 1000), latest)
    chunks = [
        report.changed[start : start + _LINES_PER_TOMBSTONE]
        for start in range(0, len(report.changed), _LINES_PER_TOMBSTONE)
    ] or [[]]
    events = [EventsPurged(lines=chunk, reason=reason) for chunk in chunks]
    events[0] = EventsPurged(streams=report.streams, lines=chunks[0], reason=reason)
    return b"".join(encode_event(event, stream=stream, seq=seq, at=at) for seq, event in enumerate(events))


def _refuse_packed(path: Path) -> None:
    packs = pack_files(path)
    if packs:
        raise LogUnavailableError(
            path, f"has {len(packs)} packs, which may hold it too", "bring them back first with `insight log unpack`"
        )


__all__ = ["PURGED", "PurgeReport", "left_copies", "purge_log"]
