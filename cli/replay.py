"""`insight replay`: rebuild the views."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .common import JsonOption, ProfileOption, console, log_path, print_json, progress_bar
from .safe import safe_line


def command(
    log: Annotated[
        list[Path] | None, typer.Option("--log", metavar="PATH", help="Log to replay; may be repeated.")
    ] = None,
    profile: ProfileOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the views as they are with rebuilt ones; exit with 1 if they differ."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the views of a log from its first event, and report what was read and how fast.

    Example: insight replay --check
    """
    paths = [log_path(None, path) for path in log] if log else [log_path(profile, None)]
    documents = [_check(path) if check else _replay(path) for path in paths]
    if as_json:
        print_json(documents)
    else:
        for document in documents:
            _print(document)
    raise typer.Exit(1 if any(document.get("differences") for document in documents) else 0)


def _replay(path: Path) -> dict[str, Any]:
    from ..eventlog.home import model_path  # noqa: PLC0415 - commands import what they use
    from ..projections.readmodel import ReadModel  # noqa: PLC0415

    with ReadModel.open(path, model_path(path)) as model, progress_bar(path.name) as progress:
        result = model.replay(progress)
        seconds = max(result.seconds, 1e-9)
        return {
            "log": str(path),
            "events": result.events,
            "bytes": result.bytes,
            "seconds": round(result.seconds, 6),
            "events_per_s": round(result.events / seconds),
            "mb_per_s": round(result.bytes / seconds / 1e6, 1),
            **model.counts(),
            "findings": [finding._asdict() for finding in model.findings()],
        }


def _check(path: Path) -> dict[str, Any]:
    from ..eventlog.home import model_path  # noqa: PLC0415
    from ..projections.readmodel import ReadModel  # noqa: PLC0415

    with ReadModel.open(path, model_path(path)) as model:
        return {"log": str(path), "differences": model.check()}


def _print(document: dict[str, Any]) -> None:
    out = console()
    name = safe_line(document["log"])
    if "differences" in document:
        out.print(
            f"{name}: {'the views differ' if document['differences'] else 'the views are as rebuilt'}", soft_wrap=True
        )
        for difference in document["differences"]:
            out.print(f"    {safe_line(difference)}", soft_wrap=True)
        return
    out.print(f"{name}: {document['events']} events in {document['sessions']} streams,", end=" ", soft_wrap=True)
    out.print(f"{document['attempts']} results of {document['nodes']} tests, {len(document['findings'])} findings")
    out.print(f"  {document['seconds']:.2f} s, {document['events_per_s']} events/s, {document['mb_per_s']} MB/s")
