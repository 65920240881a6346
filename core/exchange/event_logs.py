"""The import format of event logs (`.jsonl`), and the sessions of a log as they are added to a store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from ...eventlog.format import HEAD
from ...eventlog.merging.indexing import index_files
from ...eventlog.merging.segments import Header, Segment, SegmentIndex, StreamInfo
from ...eventlog.merging.staging import Staged, Staging
from ...eventlog.merging.union import Union
from ...eventlog.sources import LogSource, live_files, pack_files
from ...eventlog.times import parse_time
from ...projections.rules import Change, ChangeKind, Labelled, latest_change, visible_names
from .incoming import Contents, Incoming, whole_lines
from .store import SessionStore


@dataclass
class LogContents:
    """The sessions of an event log, and the lines with events about sessions."""

    sessions: list[Incoming]
    statements: list[bytes]
    """Whole lines of streams that clear, restore, supersede or purge; one item for each stream."""
    errors: list[str]


class EventLogFormat:
    """Event logs, JSON Lines."""

    suffixes = (".jsonl",)

    def recognizes(self, name: str, head: bytes) -> bool:
        """Return whether a line of the file begins as an event; an empty file is a log unless it ends in `.json`."""
        if not head:
            return not name.endswith((".json", ".json.gz"))
        return head.startswith(HEAD) or b"\n" + HEAD in head

    def read(self, staged: Staged, stage: Staging, *, only: bool) -> Contents:  # noqa: ARG002 - of the protocol
        """Return the visible sessions of a log."""
        log = read_log(staged.name, [LogSource(path) for path in (staged.path, *staged.also)], stage)
        return Contents(log.sessions, log.errors)


def read_log(name: str, sources: list[LogSource], stage: Staging) -> LogContents:
    """Return the visible sessions of a log with its packs and live files, and all events about sessions.

    Args:
        name: for messages.
        sources: plain files, or a log in memory.
        stage: where the index may spill.
    """
    index = SegmentIndex(stage.folder)
    index_files(index, sources)
    headers = {header.stream: header for header in index.headers}
    names = _visible(index, headers)
    found = LogContents([], [], [])
    for source, finding in index.findings:
        if finding.reason != "pending":
            label = name if source == 0 else finding.log
            found.errors.append(str(finding._replace(log=label)))
    for info, segments in index.by_stream():
        if info.stream in index.statements:
            found.statements.append(b"".join(_pieces(index, sources, info, segments)))
        elif info.stream in names:
            header = headers.get(info.stream)
            found.sessions.append(
                Incoming(
                    stream=info.stream,
                    label=names[info.stream],
                    sut=header.sut if header else "unknown-sut",
                    started_us=parse_time(header.at if header else info.start),
                    events=_count(segments),
                    last_seq=max(segment.last_seq for segment in segments),
                    size_bytes=sum(segment.end - segment.begin for segment in segments),
                    read=lambda info=info, segments=segments: _pieces(index, sources, info, segments),
                    origin=name,
                )
            )
    return found


def _count(segments: list[Segment]) -> int:
    """Return the number of different seq in segments that are in order of their first."""
    count, last = 0, -1
    for segment in segments:
        first = max(segment.first_seq, last + 1)
        if segment.last_seq >= first:
            count += segment.last_seq - first + 1
        last = max(last, segment.last_seq)
    return count


def _pieces(
    index: SegmentIndex, sources: list[LogSource], info: StreamInfo, segments: list[Segment]
) -> Iterator[bytes]:
    """The lines of a stream in pieces that end at the end of a line."""
    with Union(index, sources) as union:
        yield from whole_lines(data for data, _ in union.pieces(info, segments))


def _visible(index: SegmentIndex, headers: dict[str, Header]) -> dict[str, str]:
    """Return the labels of the visible sessions by stream: their own, not the names under which they are shown."""
    changes: dict[str, list[Change]] = {}
    for change in index.changes:
        changes.setdefault(change.target, []).append((change.at, change.digest, cast("ChangeKind", change.what)))
    bearers: dict[str, list[Labelled]] = {}
    for info in index.streams:
        if info.stream in index.statements or info.stream in index.tombstones.streams:
            continue
        header = headers.get(info.stream)
        label = header.label if header else info.stream[:12]
        start = parse_time(header.at if header else info.start)
        bearers.setdefault(label, []).append(Labelled(info.stream, start, latest_change(changes.get(info.stream, ()))))
    return {stream: label for label, sessions in bearers.items() for stream in visible_names(label, sessions)}


def contents_of(store: SessionStore, stage: Staging) -> LogContents:
    """Return the sessions of a store's log with its packs and live files, and the events about sessions."""
    source = store.target.source
    if not source.on_disk:
        return read_log(source.name, [source], stage)
    packs = [stage.unpack_pack(pack) for pack in pack_files(source)]
    live = stage.copies(live_files(source))  # before the log is read, where they may be collected to meanwhile
    files = [path for path in (source.path, *packs, *live) if path.exists()]
    return read_log(source.name, [LogSource(path) for path in files], stage)
