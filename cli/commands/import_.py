"""`insight import`: the sessions of files, ours and those of other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.imports import (
    AtOption,
    FormatOption,
    LimitOption,
    MtimeOption,
    PatternOption,
    RootOption,
    RunOption,
    SutNameOption,
    ZoneOption,
    default_root,
    foreign_options,
    limits_of,
    project_sut,
)
from ..arguments.selection import selection
from ..formatters.data import print_json
from ..options import (
    FilteredDaysOption,
    FilterOption,
    JsonOption,
    KeepOption,
    OlderOption,
    ProfileOption,
    StrategyOption,
)
from ..terminal.messages import progress_bar
from ..terminal.safe import safe_line
from ..terminal.screen import console

if TYPE_CHECKING:
    from ...api.internal.exchange import ImportedFiles, ImportReport

_SHOWN = 20
_EXIT_SOME, _EXIT_UNUSABLE = 1, 3


def command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Reports of other tools (JUnit XML, pytest-reportlog, pytest-json-report, CTRF, Allure, Buildkite),"
            " event logs, exports; files, folders, .zip, .tar, .gz; `-` is standard input.",
        ),
    ],
    profile: ProfileOption = None,
    strategy: StrategyOption = "skip_existing",
    sut: SutNameOption = None,
    days: FilteredDaysOption = None,
    older_than: OlderOption = None,
    pattern: FilterOption = None,
    keep_last: KeepOption = None,
    form: FormatOption = None,
    run: RunOption = None,
    zone: ZoneOption = None,
    at: AtOption = None,
    mtime: MtimeOption = False,
    path_pattern: PatternOption = None,
    root: RootOption = None,
    limit: LimitOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what would become of each session, and why.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add the sessions of files to a profile: results of other tools, event logs, exports.

    Exit with 1 if something was refused or repaired; the rest is imported. Exit with 3 if nothing could be read.
    Importing again changes nothing. A session that was cleared comes back.

    Example: insight import build/reports/
    """
    from ...api.internal.exchange import parse_strategy, store_of

    chosen = parse_strategy(strategy)
    options = foreign_options(
        form=form,
        sut=sut or project_sut(Path.cwd()),
        run=run,
        zone=zone,
        at=at,
        mtime=mtime,
        pattern=path_pattern,
        root=root or (None if sut else default_root(Path.cwd())),
        limits=limits_of(limit),
    )
    picked = selection(sut, days, older_than, pattern, keep_last)
    store = store_of(profile, create=not dry_run)

    def run_import(path: str, progress: Any) -> "ImportedFiles":
        from ...api.internal.exchange import import_path

        return import_path(store, path, chosen, options, selection=picked, dry_run=dry_run, progress=progress)

    raise typer.Exit(_import_all(paths, run_import, dry_run=dry_run, as_json=as_json))


def _import_all(
    paths: list[str], run_import: Callable[[str, Any], "ImportedFiles"], *, dry_run: bool, as_json: bool
) -> int:
    """Import one path after the other, print the reports, and return the exit status."""
    from ...api.internal.exchange import ImportedFiles
    from ...api.internal.logs import InputUnreadableError

    found_fault = found_any = False
    documents: list[dict[str, Any]] = []
    for path in paths:
        with progress_bar(f"import {path}") as progress:
            try:
                report = run_import(path, progress)
            except InputUnreadableError as error:
                if len(paths) == 1:
                    raise
                report = ImportedFiles(errors=str(error).splitlines())  # the other files are imported all the same
        found_fault = found_fault or bool(report.errors or report.repaired)
        found_any = found_any or report.usable or bool(report.files) or not report.errors
        documents.append(report_data(report, path) | _foreign_data(report))
        if not as_json:
            print_report(report, path, dry_run=dry_run)
            _print_foreign(report)
    if as_json:
        print_json(documents)
    return (_EXIT_SOME if found_any else _EXIT_UNUSABLE) if found_fault else 0


def report_data(report: "ImportReport", source: str) -> dict[str, Any]:
    """Return a report as `--json` prints it."""
    return {
        "source": source,
        **report.stats,
        "sessions": [
            {
                "session_id": outcome.incoming.label,
                "stream": outcome.incoming.stream,
                "what": outcome.decision.what,
                "why": outcome.decision.why,
                "shown_as": outcome.decision.shown_as,
            }
            for outcome in report.outcomes
        ],
        "reasons": report.errors,
    }


def _foreign_data(report: "ImportedFiles") -> dict[str, Any]:
    return {
        "repaired": report.repaired,
        "notes": report.notes,
        "verdicts": dict(report.verdicts),
        "unplaced": report.unplaced,
    }


def print_report(report: "ImportReport", source: str, *, dry_run: bool) -> None:
    """Print a report for people: each session in a dry run, what was unusual otherwise."""
    out, stats = console(), report.stats
    would = "would be " if dry_run else ""
    entries = "1 entry" if stats["total"] == 1 else f"{stats['total']} entries"
    out.print(
        f"{safe_line(source)}: {entries}: {stats['added']} {would}added, {stats['updated']} {would}updated,"
        f" {stats['skipped']} skipped, {stats['errors']} errors",
        soft_wrap=True,
    )
    if dry_run:
        for outcome in report.outcomes:
            name = safe_line(outcome.incoming.label)
            shown = outcome.decision.shown_as
            alias = f" as {safe_line(shown)}" if shown and shown != outcome.incoming.label else ""
            out.print(
                f"    {outcome.decision.what:<8} {name}{alias}: {safe_line(outcome.decision.why)}", soft_wrap=True
            )
    _print_lines("error", report.errors)


def _print_foreign(report: "ImportedFiles") -> None:
    if report.verdicts:
        counts = ", ".join(f"{number} {name}" for name, number in sorted(report.verdicts.items()))
        tests = report.verdicts.total()
        console().print(f"    {tests} {'test' if tests == 1 else 'tests'}: {counts}", soft_wrap=True)
    _print_lines("repaired", report.repaired)
    notes = list(report.notes)
    if report.unplaced:
        tests = "1 test has" if report.unplaced == 1 else f"{report.unplaced} tests have"
        notes.append(
            f"{tests} no node id of pytest in the file; named by class and name; --root FOLDER may find their files"
        )
    _print_lines("note", notes)


def _print_lines(kind: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        console().print(f"    {kind:<8} {safe_line(line)}", soft_wrap=True)
    if len(lines) > _SHOWN:
        console().print(f"    ... and {len(lines) - _SHOWN} more; --json shows all")
