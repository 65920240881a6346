"""`insight import`: the sessions of files."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.selection import selection
from ..formatters.data import print_json
from ..options import (
    FilteredDaysOption,
    FilteredSutOption,
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
    from ...api.internal.exchange import ImportReport

_SHOWN = 20


def command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Exports, event logs, files of the earlier plugin; .gz, .zip, folders of logs; `-` is standard input.",
        ),
    ],
    profile: ProfileOption = None,
    strategy: StrategyOption = "skip_existing",
    sut: FilteredSutOption = None,
    days: FilteredDaysOption = None,
    older_than: OlderOption = None,
    pattern: FilterOption = None,
    keep_last: KeepOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what would become of each session, and why.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add the sessions of files to a profile. Exit with 1 if something in them could not be read; the rest is imported.

    Importing again changes nothing. A session that was cleared comes back.

    Example: insight import team.jsonl --dry-run
    """
    from ...api.internal.exchange import ImportReport, import_file, parse_strategy, store_of
    from ...api.internal.logs import InputUnreadableError

    chosen = parse_strategy(strategy)
    picked = selection(sut, days, older_than, pattern, keep_last)
    store = store_of(profile, create=not dry_run)
    errors = 0
    documents: list[dict[str, Any]] = []
    for path in paths:
        with progress_bar(f"import {path}") as progress:
            try:
                report = import_file(store, path, chosen, selection=picked, dry_run=dry_run, progress=progress)
            except InputUnreadableError as error:
                if len(paths) == 1:
                    raise
                report = ImportReport(errors=[str(error)])  # the other files are imported all the same
        errors += len(report.errors)
        documents.append(report_data(report, path))
        if not as_json:
            print_report(report, path, dry_run=dry_run)
    if as_json:
        print_json(documents)
    raise typer.Exit(1 if errors else 0)


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
    for reason in report.errors[:_SHOWN]:
        out.print(f"    error    {safe_line(reason)}", soft_wrap=True)
    if len(report.errors) > _SHOWN:
        out.print(f"    ... and {len(report.errors) - _SHOWN} more; --json shows all")
