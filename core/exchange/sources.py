"""Sessions in files: of event logs, of documents, plain or compressed, as something that can be added to a log."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec

from ...eventlog.codec import parse_envelope
from ...eventlog.documents.sessions import DocumentError, StreamLines, convert_session, parse_json, session_documents
from ...eventlog.errors import InputUnreadableError, LogUnavailableError
from ...eventlog.files.pipes import is_pipe, read_pipe
from ...eventlog.format import HEAD
from ...eventlog.merging.indexing import index_files
from ...eventlog.merging.segments import Header, Segment, SegmentIndex, StreamInfo
from ...eventlog.merging.staging import (
    Staged,
    Staging,
    check_archive,
    is_archive_name,
    stage_gzip,
    stage_logs,
    stage_source,
)
from ...eventlog.merging.union import Union
from ...eventlog.sources import LogSource, is_by_file, look_for_logs, special_kind
from ...eventlog.times import parse_time
from ...projections.rules import Change, ChangeKind, Labelled, latest_change, visible_names
from .ingest import Incoming

_SNIFF_BYTES = 64 << 10


@dataclass
class Contents:
    """What was found in some files."""

    sessions: list[Incoming] = field(default_factory=list[Incoming])
    errors: list[str] = field(default_factory=list[str])
    """What could not be read, where, and why; one an entry."""


@dataclass
class LogContents:
    """The sessions of an event log, and the lines that speak about sessions."""

    sessions: list[Incoming]
    statements: list[bytes]
    """Whole lines, of streams that clear, restore, supersede or purge; each stream in one piece."""
    errors: list[str]


def read_contents(path: Path | str, stage: Staging) -> Contents:
    """Return the sessions of a file, a folder of logs, an archive, or standard input (`-`).

    Args:
        path: where they are.
        stage: where archives are unpacked; it must stay as long as lines are read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read at all.
        InputLimitError, LogUnavailableError: it is an archive that is damaged or unpacks to too much.
    """
    if is_pipe(path):
        piped = read_pipe(path)
        return _of_files([stage_source(piped, stage)], stage)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(2, "no such file to import", str(path))
    if path.is_dir():
        found = look_for_logs(path)
        unread = [f"{one}; it was not imported" for one in found.unread]
        if not found.logs and not unread:
            raise InputUnreadableError(f"{path}: no event logs in this folder; name a file to import documents")
        contents = _of_files([stage_source(source, stage) for source in found.logs], stage)
        contents.errors.extend(unread)
        return contents
    kind = special_kind(path)
    if kind:
        raise InputUnreadableError(f"{path}: is {kind}; name a file")
    if zipfile.is_zipfile(path):
        return _of_archive(path, stage)
    if path.suffix == ".gz":
        return _of_files([stage_gzip(str(path), path, stage)], stage)
    if path.suffix == ".csv":
        raise InputUnreadableError(f"{path}: CSV is for export only; import JSON or JSON Lines")
    return _of_files([stage_logs(path, stage)[0]], stage)


def read_log(name: str, sources: list[LogSource], stage: Staging) -> LogContents:
    """Return the visible sessions of a log and of what lies beside it, and all statements in it.

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
    """Number of different seq in some segments, which are in order of their first."""
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
    rest = b""
    with Union(index, sources) as union:
        for data, _ in union.pieces(info, segments):
            whole, newline, tail = data.rpartition(b"\n")
            if newline:
                yield rest + whole + newline
                rest = tail
            else:
                rest += data


def _visible(index: SegmentIndex, headers: dict[str, Header]) -> dict[str, str]:
    """Labels of the visible sessions by stream: their own, not the names they are shown by here."""
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


# ------------------------------------------------------------------ files


def _of_files(files: list[Staged], stage: Staging) -> Contents:
    contents = Contents()
    for staged in files:
        if staged.damage:
            contents.errors.append(f"{staged.name}: cannot be unpacked on: {staged.damage}")
        if _is_log(staged):
            log = read_log(staged.name, [LogSource(path) for path in (staged.path, *staged.also)], stage)
            contents.sessions.extend(log.sessions)
            contents.errors.extend(log.errors)
        else:
            _take_documents(contents, staged, only=len(files) == 1)
    return contents


def _of_archive(path: Path, stage: Staging) -> Contents:
    files: list[Staged] = []
    errors: list[str] = []
    for entry, info in enumerate(check_archive(path, stage.limits)):
        name = info.filename
        if info.is_dir() or is_by_file(name):
            continue
        if name.endswith((".jsonl", ".jsonl.gz", ".json", ".json.gz")):
            try:
                files.append(stage_source(LogSource(path, name, entry), stage))
            except LogUnavailableError as error:
                errors.append(str(error))
        elif is_archive_name(name):
            errors.append(
                f"{path}!{name}: an archive within an archive is not opened; unpack it and import what is in it"
            )
    if not files and not errors:
        raise InputUnreadableError(f"{path}: holds neither event logs (.jsonl) nor documents (.json)")
    contents = _of_files(files, stage)
    contents.errors.extend(errors)
    return contents


def _is_log(staged: Staged) -> bool:
    with staged.path.open("rb") as stream:
        head = stream.read(_SNIFF_BYTES)
    if not head:
        return not staged.name.endswith((".json", ".json.gz"))
    return head.startswith(HEAD) or b"\n" + HEAD in head


def _take_documents(contents: Contents, staged: Staged, *, only: bool) -> None:
    try:
        documents = session_documents(parse_json(staged.path.read_bytes()))
    except DocumentError as error:
        if only:
            raise InputUnreadableError(f"{staged.name}: {error}") from error
        contents.errors.append(f"{staged.name}: {error}")
        return
    for number, document in enumerate(documents):
        try:
            contents.sessions.append(incoming_of(convert_session(document), staged.name))
        except DocumentError as error:
            contents.errors.append(f"{staged.name}: session {number + 1} of {len(documents)}: {error}")


def incoming_of(session: StreamLines, origin: str = "") -> Incoming:
    """Return a converted session as something that can be added."""
    return Incoming(
        stream=session.stream,
        label=session.label,
        sut=session.sut,
        started_us=session.started_us,
        events=len(session.lines),
        last_seq=len(session.lines) - 1,
        size_bytes=sum(map(len, session.lines)),
        read=lambda: iter([b"".join(session.lines)]),
        origin=origin,
        document=True,
    )


class _WithNode(msgspec.Struct):
    nodeid: str = ""


_decode_node = msgspec.json.Decoder(_WithNode).decode


def nodeids_of(incoming: Incoming) -> set[str]:
    """Return the tests that a session speaks of, as far as they have a result or were started."""
    found: set[str] = set()
    for piece in incoming.read():
        for line in piece.split(b"\n"):
            envelope = parse_envelope(line)
            if envelope is not None and envelope.type in ("test.started", "test.finished"):
                found.add(_decode_node(line).nodeid)
    return found
