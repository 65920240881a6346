"""Merge the log of one store into another."""

from ...eventlog.codec import line_digest, parse_envelope
from ...eventlog.merging.conflicts import Strategy
from ...eventlog.merging.staging import staging
from ..history.selection import matches
from .event_logs import contents_of
from .importing import ImportReport
from .incoming import nodeids_of
from .ingest import ingest
from .store import SessionStore


def merge_store(
    target: SessionStore, source: SessionStore, strategy: Strategy, *, pattern: str | None = None, dry_run: bool = False
) -> ImportReport:
    """Add the sessions of one store to another.

    The visible sessions are added by the strategy. Without a pattern the visibility events are added too: a session
    that was cleared in the source is cleared in the target, and one that was cleared in the target stays cleared.

    Args:
        target: the store to add to.
        source: the store to read.
        strategy: treatment of sessions whose label another session has.
        pattern: only sessions whose name or one of whose tests matches this glob.
        dry_run: return the report without changing anything.

    Raises:
        EventLogError, OSError: a log cannot be read or written; sessions added before stay, and merging again
            continues.
    """
    with staging() as stage:
        contents = contents_of(source, stage)
        sessions = contents.sessions
        if pattern is not None:
            sessions = [one for one in sessions if matches(pattern, one.label, lambda one=one: nodeids_of(one))]
        report = ImportReport(errors=contents.errors)
        report.outcomes.extend(ingest(target, sessions, strategy, restore=False, dry_run=dry_run))
        if pattern is None and not dry_run:
            add_statements(target, contents.statements)
        return report


def add_statements(store: SessionStore, statements: list[bytes]) -> None:
    """Add streams of visibility events, except for the events that the log has."""
    if not statements:
        return
    with store.target.locked() as append:
        with store.model() as model:
            known = {stream: model.part_of(stream) for stream in map(_stream_of, statements)}
        for lines in statements:
            part = known[_stream_of(lines)]
            if part is None:
                append(lines)
            elif part.events < lines.count(b"\n"):
                append(_missing(lines, part.last_seq))


def _stream_of(lines: bytes) -> str:
    envelope = parse_envelope(lines)
    return envelope.stream if envelope is not None else ""


def _missing(lines: bytes, last_seq: int) -> bytes:
    new = [line for line in lines.split(b"\n") if line and line_digest(line)]
    return b"".join(line + b"\n" for line in new if (parse_envelope(line) or (0, 0, 0, 0))[3] > last_seq)
