"""Write sessions to a file or a stream."""

import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from ...eventlog.documents.sessions import convert_session
from ...eventlog.files.system import SYSTEM
from ...eventlog.merging.staging import staging
from ..parts import remove_stale_parts
from ..views.session import TestSession
from .csv_files import csv_pieces
from .event_logs import contents_of
from .formats import Format
from .store import SessionStore

Wanted = Callable[[TestSession], object]
Progress = Callable[[int, int], None]


@contextmanager
def replacing(path: Path) -> Generator[IO[bytes]]:
    """Yield a new file that replaces `path` when it is complete; if anything fails, `path` is unchanged.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    remove_stale_parts(path)
    try:
        with temporary.open("xb") as stream:
            SYSTEM.lock(stream.fileno())  # so that another export sees that this part is not stale
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException as error:  # also of the close, which writes what is still buffered
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            error.filename = str(path)
        raise
    os.replace(temporary, path)  # noqa: PTH105 - one call, as atomic as the platform has it


def write_sessions(
    out: IO[bytes],
    sessions: list[TestSession],
    form: Format,
    fill: Callable[[TestSession], None],
    progress: Progress | None = None,
) -> None:
    """Write sessions as JSON or CSV, one after the other.

    Args:
        out: the stream to write to.
        sessions: in order.
        form: `json` or `csv`.
        fill: reads all fields of a session whose fields are loaded on demand.
        progress: called with the number of sessions done, and of all.
    """
    pieces = csv_pieces if form == "csv" else _json_pieces
    for number, data in enumerate(pieces(_fill_copies(sessions, fill))):
        out.write(data)
        if progress is not None:
            progress(min(number, len(sessions)), len(sessions))


def _fill_copies(sessions: list[TestSession], fill: Callable[[TestSession], None]) -> Iterator[TestSession]:
    for session in sessions:
        # A copy is filled, so that the caller's sessions do not grow by the texts of everything that was exported.
        copy = session.head()
        fill(copy)
        yield copy


def _json_pieces(sessions: Iterable[TestSession]) -> Iterator[bytes]:
    before = b"[\n"
    for session in sessions:
        yield before + msgspec.json.format(msgspec.json.encode(session.to_dict()), indent=2)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def export_log_lines(store: SessionStore, streams: set[str], out: IO[bytes], progress: Progress | None = None) -> None:
    """Write the lines of sessions of a store unchanged."""
    with staging() as stage:
        found = contents_of(store, stage)
        wanted = [incoming for incoming in found.sessions if incoming.stream in streams]
        for number, incoming in enumerate(wanted):
            for piece in incoming.read():
                out.write(piece)
            if progress is not None:
                progress(number + 1, len(wanted))


def converted_lines(sessions: Iterable[TestSession]) -> bytes:
    """Return the events that sessions are converted to, in canonical order."""
    found = sorted(
        (convert_session(session.to_dict(), keep_order=True) for session in sessions),
        key=lambda one: (one.started_us, one.stream),
    )
    return b"".join(line for one in found for line in one.lines)


def export_to(
    store: SessionStore, target: Path | IO[bytes], names: list[str], form: Format, progress: Progress | None = None
) -> None:
    """Write the sessions of these names to a file or a stream.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    if isinstance(target, Path):
        with replacing(target) as out:
            export_to(store, out, names, form, progress)
        return
    wanted = set(names)
    sessions = [session for session in store.sessions() if session.session_id in wanted]
    if form == "jsonl":
        export_log_lines(store, {session.stream for session in sessions}, target, progress)
    else:
        write_sessions(target, sessions, form, store.fill, progress)
