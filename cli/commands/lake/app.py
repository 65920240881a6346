"""`insight lake`: months of a history as a Delta table, for questions over years."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ...arguments.logs import open_model
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import JsonOption, LogOption, ProfileOption
from ...terminal.messages import say
from ...terminal.safe import safe_line
from ...terminal.screen import Listing, console

if TYPE_CHECKING:
    from ....api.internal.history import ReadModel
    from ....api.internal.lake import MonthExport

TO_VARIABLE = "INSIGHT_LAKE"

app = typer.Typer(no_args_is_help=True, help="Months of a history as a Delta table, for questions over years.")


@app.callback()
def _group() -> None:
    """Keep the word of the command, as there is only one."""


@app.command("export")
def export(
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="URL|FOLDER", help=f"Folder, or s3://, gs://, az://, file:// (default: {TO_VARIABLE})."
        ),
    ] = None,
    month: Annotated[
        list[str] | None,
        typer.Option("--month", metavar="MONTH", help="Only this month, as 2026-10; may be repeated."),
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Also the month that is not over yet.")] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Delete the files of earlier versions, with what was purged since.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Drop sessions that the log does not have any more, purged or not.")
    ] = False,
    profile: ProfileOption = None,
    log: LogOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be written.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the months that are over as a Delta table, each month that changed as a whole and no other.

    A month is over when it has ended, in UTC, at least a day ago. Sessions that the log does not have any more stay in
    the table, unless they were purged, cleared or superseded. Needs the extra `lake`.

    Example: insight lake export --to s3://bucket/lake
    """
    from ....api.internal.lake import parse_month, require_extra

    place = to or os.environ.get(TO_VARIABLE, "")
    if not place:
        raise ValueError(f"--to: no place is named; name a folder or a URL, or set {TO_VARIABLE}")
    wanted = [parse_month(text) for text in month or ()]
    require_extra("lake", place)
    from ....api.internal.lake import Lake

    lake = Lake(place)
    found: list[MonthExport] = []
    with open_model(profile, log) as history:
        model = cast("ReadModel", history)
        for one in lake.export(model, wanted, datetime.now(UTC), running=running, exact=exact, dry_run=dry_run):
            found.append(one)
            if one.absent:
                say(f"{one.month}: {counted(one.absent, 'session')} there are not in the log any more, and stay")
    vacuumed = lake.vacuum() if vacuum and not dry_run else 0
    report = {"to": place, "months": [each._asdict() for each in found], "vacuumed": vacuumed, "dry_run": dry_run}
    none = "no session to write" if running or wanted else "no month is over yet; --running writes the one that is not"
    _show(report, found, none, as_json=as_json, vacuum=vacuum)


def _show(report: dict[str, Any], found: "list[MonthExport]", none: str, *, as_json: bool, vacuum: bool) -> None:
    if as_json:
        print_json(report)
    else:
        listing = Listing("month", "action", "sessions", "results")
        for one in found:
            listing.add_row(one.month, one.action, str(one.sessions), str(one.results))
        if found:
            console().print(listing)
        else:
            say(none)
        if report["vacuumed"]:
            say(f"{counted(report['vacuumed'], 'file')} of earlier versions deleted")
    replaced = sum(one.action in ("replaced", "removed") for one in found)
    if replaced and not (vacuum or report["dry_run"]):
        say(
            f"{safe_line(report['to'])}: earlier versions of {counted(replaced, 'month')} are kept;"
            " --vacuum deletes them, with what was purged"
        )
