"""Options of `insight export`: the format, and the session that formats of other tools are about."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ...api.internal.exchange import SessionStore
    from ...api.internal.history import Selection

FOREIGN = frozenset({"junit", "ctrf", "trace", "markdown", "github", "badge", "otlp"})
"""Formats of other tools."""

PARQUET = "parquet"
"""A folder of files, for tools of data."""

SessionOption = Annotated[
    str | None,
    typer.Option("--session", metavar="ID", help="Only this session: the beginning of its id, a commit, or `last`."),
]
FamilyOption = Annotated[
    str,
    typer.Option("--family", metavar="xunit1|xunit2|surefire", help="Family of JUnit XML; surefire has all attempts."),
]
StaleOption = Annotated[
    str | None,
    typer.Option("--stale", metavar="AGE", help="A badge says `unknown` for a session older than 7d, 24h, 2w."),
]


def export_format(path: Path, form: str | None) -> str:
    """Return the format for a file: the wanted one, else by the ending of its name.

    Raises:
        ValueError: there is no such format.
    """
    from ...api.internal.exchange import FORMATS, foreign_format_of, format_of

    if (form or "").lower() == PARQUET:
        return PARQUET
    foreign = foreign_format_of(path.name, form)
    if foreign:
        return foreign
    if form and form.lower() not in FORMATS:
        names = ", ".join([*FORMATS, *sorted({*FOREIGN, PARQUET})])
        raise ValueError(f"Unknown export format {form!r}: use one of {names}")
    return format_of(path, form)


def chosen_names(store: "SessionStore", names: list[str], session: str | None) -> list[str]:
    """Return the names of the sessions to export.

    Raises:
        LookupError: there is no session of this id.
    """
    from ...api.internal.exchange import streams_of

    if session is None:
        return names
    if session == "last":
        return names[-1:]
    [stream] = streams_of(store, [session])
    with store.model() as model:
        row = model.session_of(stream)
    return [row.session_id] if row is not None else []


def takes_newest(chosen: "Selection") -> bool:
    """Return whether nothing but a system is chosen: a report for another tool is then about its newest session."""
    return replace(chosen, sut=None).is_everything


def write_export(
    store: "SessionStore", path: Path, names: list[str], form: str, family: str, stale: str | None, progress: Any
) -> None:
    """Write sessions to a file or standard output.

    Raises:
        ValueError: the format cannot hold them.
        OSError: it cannot be written; an existing file is unchanged.
    """
    from ...api.internal.exchange import ExportOptions, export_foreign, export_to, replacing
    from ...api.internal.history import parse_age

    if form == PARQUET:
        _write_parquet(store, path, names)
        return
    if form not in FOREIGN:
        export_to(store, sys.stdout.buffer if str(path) == "-" else path, names, form, progress)  # type: ignore[arg-type]
        return
    options = ExportOptions(family, round(parse_age(stale).total_seconds() * 1e6) if stale else None)
    if str(path) == "-":
        export_foreign(store, names, form, options, sys.stdout.buffer)
        return
    with replacing(path) as out:
        export_foreign(store, names, form, options, out)


def check_folder(path: Path) -> None:
    """Check that files of Parquet can be written below a path, before sessions are read.

    Raises:
        ValueError: it is standard output or a file.
        LogUnavailableError: the extra is not installed.
    """
    from ...api.internal.lake import require_extra

    if str(path) == "-" or (path.exists() and not path.is_dir()):
        raise ValueError(f"{path}: files of Parquet go into a folder; name one")
    require_extra(PARQUET, str(path))


def _write_parquet(store: "SessionStore", folder: Path, names: list[str]) -> None:
    from ...api.internal.lake import export_parquet

    wanted = set(names)
    with store.model() as model:
        export_parquet(model, [row for row in model.sessions() if row.session_id in wanted], folder)
