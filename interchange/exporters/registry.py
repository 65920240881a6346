"""All export formats that other tools read."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from ...core.exchange.store import SessionStore
from .badge import write_badge
from .ctrf import write_ctrf
from .github import write_annotations
from .junit import write_junit
from .markdown import write_markdown
from .otlp import write_otlp
from .sessions import ExportedSession, read_sessions
from .trace import write_trace


@dataclass(frozen=True)
class ExportOptions:
    """Options of single formats."""

    family: str = "xunit2"
    """Family of JUnit XML."""
    stale_us: int | None = None
    """Age from which a badge says `unknown`."""


Writer = Callable[[list[ExportedSession], ExportOptions], Iterator[str]]

WRITERS: dict[str, Writer] = {
    "junit": lambda sessions, options: write_junit(sessions, options.family),
    "ctrf": lambda sessions, _: write_ctrf(sessions),
    "trace": lambda sessions, _: write_trace(sessions),
    "markdown": lambda sessions, _: write_markdown(sessions),
    "badge": lambda sessions, options: write_badge(sessions, now_us=_now_us(), stale_us=options.stale_us),
    "otlp": lambda sessions, _: write_otlp(sessions),
}
"""Formats by name; each yields pieces of text."""

GITHUB = "github"
FOREIGN_FORMATS: tuple[str, ...] = (*WRITERS, GITHUB)
_SUFFIXES = {".xml": "junit", ".md": "markdown", ".svg": "badge"}


def foreign_format_of(name: str, wanted: str | None) -> str:
    """Return the format of another tool for a file: the wanted one, else by its ending; empty for any other."""
    if wanted:
        return wanted.lower() if wanted.lower() in FOREIGN_FORMATS else ""
    return next((form for suffix, form in _SUFFIXES.items() if name.lower().endswith(suffix)), "")


def export_foreign(store: SessionStore, names: list[str], form: str, options: ExportOptions, out: IO[bytes]) -> None:
    """Write sessions in the format of another tool.

    Raises:
        ValueError: the format cannot hold them.
        OSError: it cannot be written.
    """
    sessions = read_sessions(store, names)
    pieces = _annotations(store, sessions) if form == GITHUB else WRITERS[form](sessions, options)
    for piece in pieces:
        out.write(piece.encode("utf-8", "backslashreplace"))


def _annotations(store: SessionStore, sessions: list[ExportedSession]) -> Iterator[str]:
    before: ExportedSession | None = None
    if sessions:
        first = sessions[0].row
        with store.model() as model:
            rows = [row for row in model.sessions(sut=first.sut) if row.started_us < first.started_us]
        if rows:
            before = read_sessions(store, [max(rows, key=lambda row: row.started_us).session_id])[0]
    return write_annotations(sessions, before)


def _now_us() -> int:
    return time.time_ns() // 1000
