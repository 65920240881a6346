"""`insight export`: sessions to a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.exports import (
    FOREIGN,
    PARQUET,
    FamilyOption,
    SessionOption,
    StaleOption,
    check_folder,
    chosen_names,
    export_format,
    takes_newest,
    write_export,
)
from ..arguments.logs import ReadingState, kept_log, profile_path
from ..arguments.selection import selection
from ..formatters.data import print_json
from ..formatters.values import counted
from ..options import (
    FilteredDaysOption,
    FilteredSutOption,
    FilterOption,
    KeepOption,
    LogOption,
    OlderOption,
    ProfileOption,
)
from ..terminal.messages import progress_bar, say
from ..terminal.safe import safe_line

if TYPE_CHECKING:
    from ...api.internal.exchange import SessionStore


def command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; `-` is standard output.")],
    profile: ProfileOption = None,
    log: LogOption = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "--as",
            metavar="jsonl|json|csv|junit|ctrf|trace|markdown|github|badge|otlp|parquet",
            help="Default: by the ending of the name; an event log (jsonl) for other endings and for `-`.",
        ),
    ] = None,
    session: SessionOption = None,
    family: FamilyOption = "xunit2",
    stale: StaleOption = None,
    sut: FilteredSutOption = None,
    days: FilteredDaysOption = None,
    older_than: OlderOption = None,
    pattern: FilterOption = None,
    keep_last: KeepOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only list the sessions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was exported as JSON; not with `-`.")] = False,
) -> None:
    """Write sessions to a file: `jsonl`, their events as they are; `json`, a list of sessions; `csv`, a row per result.

    `parquet` makes files in a folder, by day and system; each day replaces what is there. The other formats are for
    other tools; without a filter they take the newest session. Filters are combined with AND. The file takes its name
    when it is complete. A log of a profile is never replaced, another file only with --force.

    Example: insight export team.jsonl --days 7 --sut shop
    """
    from ...api.internal.exchange import candidates_of, check_output, check_replacing, full_sut_name

    if as_json and str(path) == "-":
        raise ValueError("-: the export itself goes to standard output; leave --json out")
    chosen = export_format(path, form)
    if chosen == PARQUET:
        check_folder(path)
    store = _store(profile, log)
    sut = full_sut_name(store, sut) if sut else None
    wanted = selection(sut, days, older_than, pattern, keep_last)
    names = chosen_names(store, [candidate.name for candidate in wanted.pick(candidates_of(store))], session)
    if chosen in FOREIGN and session is None and takes_newest(wanted):
        names = names[-1:]
    report = {"path": str(path), "format": chosen, "sessions": names, "dry_run": dry_run}
    if dry_run:
        _tell_what_would_be(report, as_json=as_json)
        return
    if str(path) != "-" and chosen != PARQUET:
        check_output(path)
        check_replacing(path, force=force)
    with progress_bar("export") as progress:
        write_export(store, path, names, chosen, family, stale, progress)
    if as_json:
        print_json(report)
    else:
        where = "standard output" if str(path) == "-" else safe_line(str(path))
        say(f"{counted(len(names), 'session')} exported to {where}")


def _tell_what_would_be(report: dict[str, Any], *, as_json: bool) -> None:
    """Print the sessions that would be exported."""
    if as_json:
        print_json(report)
        return
    for name in report["sessions"]:
        typer.echo(safe_line(name))
    say(f"{counted(len(report['sessions']), 'session')} would be exported")


def _store(profile: str | None, log: list[Path] | None) -> "SessionStore":
    """Return the store of the logs that are named, else that of the profile."""
    from ...api.internal.exchange import SessionStore, store_of

    if log:
        return SessionStore(kept_log(log))
    path = profile_path(profile)
    return SessionStore(path) if ReadingState.remote else store_of(profile, must_exist=True)
