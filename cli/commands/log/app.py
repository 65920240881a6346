"""`insight log`: the log as a file."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...arguments.logs import log_path, named_logs, one_log
from ...formatters.data import print_json
from ...formatters.values import counted, size_text
from ...options import JsonOption, LogArgument, LogOption, OneLogArgument, OneLogOption, ProfileOption
from ...terminal.messages import confirm, say, say_passed_over
from ...terminal.safe import safe_line
from ...terminal.screen import console
from .purging import finding_data, forget_model, print_purge, profiles_holding, purge_pattern, purge_text, streams_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....eventlog.live.collect import Collected
    from ....eventlog.maintenance.verify import VerifyReport
    from ....eventlog.sources import LogSource

app = typer.Typer(no_args_is_help=True)


_SHOWN = 50


@app.command("verify")
def verify(
    logs: LogArgument = None, log: LogOption = None, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """Check every digest, the order of every stream and every seal; exit with 1 if there is any damage.

    Example: insight log verify artifacts/
    """
    from ....eventlog.maintenance.verify import unread_report, verify_log
    from ....eventlog.sources import look_for_logs

    reports: list[VerifyReport] = []
    for path in named_logs(logs, log) or [log_path(profile, None)]:
        found = look_for_logs(log_path(profile, path))
        reports += [verify_log(source) for source in found.logs]
        reports += [unread_report(name, reason) for name, reason in found.unread]
        say_passed_over(found.passed_over)
        _say_remains(found.logs)
    damaged = any(report.problems for report in reports)
    if as_json:
        print_json([_verify_data(report) for report in reports])
    else:
        out = console()
        for report in reports:
            verdict = "DAMAGED" if report.problems else "ok"
            out.print(
                f"{verdict}  {safe_line(report.log)}: {counted(report.events, 'event')}, {report.bytes} bytes,", end=" "
            )
            out.print(f"{len(report.streams)} streams ({report.sealed} sealed, {report.interrupted} interrupted)")
            for stream, at in _future_streams(report).items():
                out.print(f"    session {stream[:12]} claims to have started at {at}, which is in the future")
            for finding in report.findings[:_SHOWN]:
                out.print(f"    {safe_line(str(finding))}", soft_wrap=True)
            if len(report.findings) > _SHOWN:
                out.print(f"    ... and {len(report.findings) - _SHOWN} more; --json shows all")
    raise typer.Exit(1 if damaged else 0)


def _say_remains(logs: "Iterable[LogSource]") -> None:
    """Name temporary files that hold recorded text and may have no owner any more."""
    from ....eventlog.maintenance.remains import remains_of

    for source in logs:
        if source.on_disk and not source.compressed:
            for file in remains_of(source.path):
                reason = "temporary file of a command that runs or was killed"
                say(f"{safe_line(str(file))}: {reason}; `insight log repair` removes it")


@app.command("info")
def info(
    logs: LogArgument = None, log: LogOption = None, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """Describe a log: events by type, streams, sessions, time span, live files.

    Example: insight log info
    """
    from ....eventlog.maintenance.verify import verify_log
    from ....eventlog.sources import find_logs, live_files

    documents: list[dict[str, Any]] = []
    paths = named_logs(logs, log) or [log_path(profile, None)]
    for source in (source for path in paths for source in find_logs(log_path(profile, path))):
        report = verify_log(source)
        documents.append(
            _verify_data(report)
            | {
                "types": dict(sorted(report.types.items())),
                "first_at": min((stream.first_at for stream in report.streams.values()), default=""),
                "last_at": max((stream.last_at for stream in report.streams.values()), default=""),
                "live_files": [str(file) for file in live_files(source)],
                "live_events": report.live,
            }
        )
    if as_json:
        print_json(documents)
        return
    out = console()
    for document in documents:
        out.print(safe_line(document["log"]), style="bold", soft_wrap=True)
        out.print(f"  {document['bytes']} bytes, {document['events']} events, {len(document['findings'])} findings")
        out.print(
            f"  {document['streams']} streams: {document['sealed']} sealed, {document['interrupted']} interrupted"
        )
        out.print(f"  from {document['first_at'] or '-'} to {document['last_at'] or '-'}")
        for name, count in document["types"].items():
            out.print(f"  {count:>9}  {safe_line(name)}")
        for file in document["live_files"]:
            out.print(f"  live: {safe_line(file)}", soft_wrap=True)


@app.command("repair")
def repair(
    path: OneLogArgument = None,
    named: OneLogOption = None,
    profile: ProfileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be taken out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove from a log all that is not an event. The original is kept in its folder as NAME.broken.

    Example: insight log repair --dry-run
    """
    from ....eventlog.maintenance.repair import repair_log

    report = repair_log(one_log(profile, path, named), dry_run=dry_run)
    if as_json:
        print_json(
            {
                "log": report.log,
                "events": report.events,
                "removed": [finding_data(finding) for finding in report.removed],
                "kept": [finding_data(finding) for finding in report.kept],
                "backup": report.backup,
                "dry_run": dry_run,
            }
        )
        return
    out = console()
    for finding in report.removed:
        out.print(f"{'would remove' if dry_run else 'removed'}: {safe_line(str(finding))}", soft_wrap=True)
    for finding in report.kept:
        out.print(f"kept: {safe_line(str(finding))}", soft_wrap=True)
    if not report.removed:
        out.print(f"{safe_line(report.log)}: nothing to repair, {counted(report.events, 'event')}", soft_wrap=True)
    elif report.backup:
        out.print(f"{counted(report.events, 'event')} stay; the original is {safe_line(report.backup)}", soft_wrap=True)


@app.command("collect")
def collect(
    path: OneLogArgument = None, named: OneLogOption = None, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """Append to a log what sessions left in files of their own whose process died; those that run are left alone.

    The next recorded run does the same. Needed where no run follows, and on network file systems: there on one host.

    Example: insight log collect
    """
    from ....eventlog.live.collect import collect_live_files

    log = one_log(profile, path, named)
    reports = collect_live_files(log, lock_timeout_s=30.0)
    if as_json:
        print_json(
            [vars(report) | {"findings": [finding_data(found) for found in report.findings]} for report in reports]
        )
        return
    out = console()
    for report in reports:
        out.print(_collected_text(report), soft_wrap=True)
    done = sum(not report.left for report in reports)
    out.print(f"{safe_line(str(log))}: {counted(done, 'live file')} collected", soft_wrap=True)


def _collected_text(report: "Collected") -> str:
    name = safe_line(report.path)
    if report.left:
        return f"left: {name}: {safe_line(report.left)}"
    aside = f"; {counted(len(report.findings), 'finding')}, kept as {safe_line(report.set_aside)}"
    return f"collected: {name}, {size_text(report.bytes)}{aside if report.set_aside else ''}"


def _future_streams(report: "VerifyReport") -> dict[str, str]:
    """Return the streams whose first event is of more than a day from now, with its time."""
    from ....api.internal.history import latest_start_us
    from ....eventlog.times import format_time

    latest = format_time(latest_start_us())
    return {name: stream.first_at for name, stream in sorted(report.streams.items()) if stream.first_at > latest}


def _verify_data(report: "VerifyReport") -> dict[str, Any]:
    return {
        "log": report.log,
        "ok": not report.problems,
        "bytes": report.bytes,
        "events": report.events,
        "streams": len(report.streams),
        "sealed": report.sealed,
        "interrupted": report.interrupted,
        "future": _future_streams(report),
        "findings": [finding_data(finding) for finding in report.findings],
    }


@app.command("pack")
def pack(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Move sessions without an event since then: 30d, 12w.")
    ] = "30d",
    path: OneLogArgument = None,
    named: OneLogOption = None,
    profile: ProfileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be packed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move old sessions of a log into a compressed file in its folder; all that reads the log reads that too.

    Example: insight log pack --older-than 90d --dry-run
    """
    from datetime import UTC, datetime

    from ....api.internal.history import parse_age
    from ....eventlog.maintenance.packing import pack_log
    from ....eventlog.times import from_datetime

    since = from_datetime(datetime.now(UTC) - parse_age(older_than))
    report = pack_log(one_log(profile, path, named), since, dry_run=dry_run)
    if as_json:
        print_json(vars(report) | {"dry_run": dry_run})
        return
    out = console()
    if not report.streams:
        out.print(f"{safe_line(report.log)}: nothing is older than {older_than}", soft_wrap=True)
        return
    what = f"{counted(len(report.streams), 'session')}, {counted(report.events, 'event')}, {size_text(report.bytes)}"
    if dry_run:
        out.print(f"{safe_line(report.log)}: would pack {what}", soft_wrap=True)
    else:
        out.print(f"packed {what} to {size_text(report.packed_bytes)}: {safe_line(report.pack)}", soft_wrap=True)


@app.command("unpack")
def unpack(
    path: OneLogArgument = None, named: OneLogOption = None, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """Bring what was packed back into the log, and remove the packs.

    Example: insight log unpack
    """
    from ....eventlog.maintenance.packing import unpack_log

    log = one_log(profile, path, named)
    count = unpack_log(log)
    if as_json:
        print_json({"log": str(log), "packs": count})
    else:
        console().print(f"{safe_line(str(log))}: {counted(count, 'pack')} brought back", soft_wrap=True)


@app.command("purge")
def purge(
    path: OneLogArgument = None,
    named: OneLogOption = None,
    profile: ProfileOption = None,
    session: Annotated[
        list[str] | None, typer.Option("--session", metavar="ID", help="Remove this session whole; may be repeated.")
    ] = None,
    match_file: Annotated[
        str | None,
        typer.Option(
            "--match-file",
            metavar="FILE",
            help="Replace each line of this file, as a text, wherever it occurs; `-` is standard input. So the secret"
            " stays out of the shell's history.",
        ),
    ] = None,
    regex: Annotated[
        str | None, typer.Option("--regex", metavar="PATTERN", help="Replace whatever fits this regular expression.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be removed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Physically remove sessions, or a text wherever it occurs, from a log: for secrets. There is no way back.

    A tombstone stays, so that merging an old copy does not bring it back. What this command cannot reach, it names.

    Example: insight log purge --match-file leaked.txt --reason "a token" --dry-run
    """
    from ....eventlog.maintenance.purge import purge_log

    log = one_log(profile, path, named)
    text = purge_pattern(match_file, regex)
    if not session and text is None:
        raise ValueError("purge what? give --session, --match-file or --regex")
    streams = frozenset(streams_of(log, session or []))
    preview = purge_log(log, streams=streams, text=text, dry_run=True)
    report = preview
    if (preview.found or preview.remains) and not dry_run:
        confirm(f"remove {purge_text(preview)} from {log} for ever?", force=force)
        report = purge_log(log, streams=streams, text=text, reason=reason)
        forget_model(log)
    elsewhere = profiles_holding(log, streams, text)
    if as_json:
        print_json(vars(report) | {"damaged": [finding_data(f) for f in report.damaged], "profiles": elsewhere})
        return
    print_purge(report, elsewhere, dry_run=dry_run)
