"""`insight log`: the log as a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .common import JsonOption, ProfileOption, console, log_path, print_json
from .safe import safe_line

app = typer.Typer(no_args_is_help=True)

PathArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="A log, or a folder or archive of logs (default: the profile's)."),
]
_SHOWN = 50


@app.command("verify")
def verify(path: PathArgument = None, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Check every digest, the order of every stream and every seal; exit with 1 if there is any damage.

    Example: insight log verify artifacts/
    """
    from ..eventlog.sources import find_logs  # noqa: PLC0415 - commands import what they use
    from ..eventlog.verify import verify_log  # noqa: PLC0415

    reports = [verify_log(source) for source in find_logs(log_path(profile, path))]
    damaged = any(report.problems for report in reports)
    if as_json:
        print_json([_verify_data(report) for report in reports])
    else:
        out = console()
        for report in reports:
            verdict = "DAMAGED" if report.problems else "ok"
            out.print(f"{verdict}  {safe_line(report.log)}: {report.events} events, {report.bytes} bytes,", end=" ")
            out.print(f"{len(report.streams)} streams ({report.sealed} sealed, {report.interrupted} interrupted)")
            for finding in report.findings[:_SHOWN]:
                out.print(f"    {safe_line(str(finding))}", soft_wrap=True)
            if len(report.findings) > _SHOWN:
                out.print(f"    ... and {len(report.findings) - _SHOWN} more; --json shows all")
    raise typer.Exit(1 if damaged else 0)


@app.command("info")
def info(path: PathArgument = None, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Say what a log holds: events by type, streams, sessions, time span, spool files.

    Example: insight log info
    """
    from ..eventlog.sources import find_logs, spool_files  # noqa: PLC0415
    from ..eventlog.verify import verify_log  # noqa: PLC0415

    documents: list[dict[str, Any]] = []
    for source in find_logs(log_path(profile, path)):
        report = verify_log(source)
        documents.append(
            _verify_data(report)
            | {
                "types": dict(sorted(report.types.items())),
                "first_at": min((stream.first_at for stream in report.streams.values()), default=""),
                "last_at": max((stream.last_at for stream in report.streams.values()), default=""),
                "spool_files": [str(spool) for spool in spool_files(source)],
                "spooled_events": report.spooled,
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
        for spool in document["spool_files"]:
            out.print(f"  spool: {safe_line(spool)}", soft_wrap=True)


@app.command("repair")
def repair(
    path: PathArgument = None,
    profile: ProfileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be taken out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take out of a log what is not an event. The original is kept beside it as NAME.broken.

    Example: insight log repair --dry-run
    """
    from ..eventlog.repair import repair_log  # noqa: PLC0415

    report = repair_log(log_path(profile, path), dry_run=dry_run)
    if as_json:
        print_json(
            {
                "log": report.log,
                "events": report.events,
                "removed": [_finding_data(finding) for finding in report.removed],
                "kept": [_finding_data(finding) for finding in report.kept],
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
        out.print(f"{safe_line(report.log)}: nothing to repair, {report.events} events", soft_wrap=True)
    elif report.backup:
        out.print(f"{report.events} events stay; the original is {safe_line(report.backup)}", soft_wrap=True)


def _verify_data(report: Any) -> dict[str, Any]:
    return {
        "log": report.log,
        "ok": not report.problems,
        "bytes": report.bytes,
        "events": report.events,
        "streams": len(report.streams),
        "sealed": report.sealed,
        "interrupted": report.interrupted,
        "findings": [_finding_data(finding) for finding in report.findings],
    }


def _finding_data(finding: Any) -> dict[str, Any]:
    return dict(finding._asdict())
