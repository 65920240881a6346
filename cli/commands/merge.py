"""`insight merge`: logs of many machines into one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.logs import named_logs
from ..formatters.data import print_json
from ..formatters.values import counted
from ..options import JsonOption, StrategyOption
from ..terminal.messages import progress_bar, say
from ..terminal.safe import safe_line
from ..terminal.screen import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...api.internal.exchange import InputReport, MergeReport

_SHOWN = 20


def command(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[LOG]...", help="Logs, folders and archives of logs, or `-` for standard input."),
    ] = None,
    log: Annotated[list[Path] | None, typer.Option("--log", metavar="LOG", help="As LOG; may be repeated.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Where to; `-` is standard output, .gz packs.")
    ] = None,
    strategy: StrategyOption = "skip_existing",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what each input would add, and which ids clash.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it has other content.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Merge logs: all their events, each once, in canonical order; the same bytes for any order of the inputs.

    Damaged lines are reported and left out; then the exit code is 1.

    Example: insight merge artifacts/ laptop.jsonl -o all.jsonl
    """
    from ...api.internal.exchange import Merger, check_output, parse_strategy, staging, write_merged

    paths = named_logs(logs, log)
    if not paths:
        raise ValueError("merge what? name logs, folders or archives")
    if output is None and not dry_run:
        raise ValueError("where to? give -o OUT, or --dry-run to look first")
    chosen = parse_strategy(strategy)
    if output is not None and str(output) != "-":
        check_output(output)
    with staging() as stage:
        merger = Merger(stage, chosen)
        for path in paths:
            merger.add(path)
        with progress_bar("merge") as progress:
            merger.index(_counter(progress, 0, merger.size_bytes * 2))
            if not dry_run and output is not None:
                size = merger.size_bytes
                step = _counter(progress, size, size * 2)
                if str(output) == "-":
                    merger.write(sys.stdout.buffer, step)
                else:
                    write_merged(merger, paths, output, stage.new_file(), force=force, progress=step)
    report = merger.report
    if as_json:
        print_json(_data(report, output, dry_run=dry_run))
    else:
        _print(report, output, dry_run=dry_run)
    raise typer.Exit(1 if report.damaged else 0)


def _counter(progress: "Callable[[int, int], None] | None", before: int, total: int) -> "Callable[[int], None] | None":
    """Return a callback that adds what was done before, of the same total; None without a progress bar."""
    if progress is None:
        return None

    def count(done: int) -> None:
        progress(before + done, total)

    return count


def _data(report: "MergeReport", output: Path | None, *, dry_run: bool) -> dict[str, Any]:
    return {
        "output": None if dry_run or output is None else str(output),
        "events": report.events,
        "bytes": report.bytes,
        "sessions": report.sessions,
        "repeated": report.repeated,
        "purged": report.purged,
        "inputs": [
            {
                "name": item.name,
                "events": item.events,
                "bytes": item.bytes,
                "sessions": item.sessions,
                "added": item.new_sessions,
                "known": item.known_sessions,
                "findings": [finding._asdict() for finding in item.findings],
            }
            for item in report.inputs
        ],
        "conflicts": [
            {"session_id": conflict.label, "shown": conflict.shown, "hidden": conflict.hidden}
            for conflict in report.conflicts
        ],
        "dry_run": dry_run,
    }


def _print(report: "MergeReport", output: Path | None, *, dry_run: bool) -> None:
    out = console(err=output is not None and str(output) == "-")
    for item in report.inputs:
        _print_input(out, item, names=dry_run)
    for conflict in report.conflicts:
        count = counted(len(conflict.shown) + len(conflict.hidden), "session")
        out.print(f"{safe_line(conflict.label)} is the id of {count}:", end=" ")
        shown = ", ".join(f"{safe_line(conflict.label)}~{stream[:8]}" for stream in conflict.shown)
        hidden = ", ".join(stream[:8] for stream in conflict.hidden)
        out.print(f"shown {shown}" + (f"; not shown {hidden}" if hidden else ""), soft_wrap=True)
    if dry_run:
        out.print(f"{counted(report.sessions, 'session')} would be in the result; nothing was written")
    else:
        name = "standard output" if str(output) == "-" else safe_line(str(output))
        out.print(
            f"{counted(report.events, 'event')}, {counted(report.sessions, 'session')}, {report.bytes} bytes: {name}",
            soft_wrap=True,
        )
        if report.repeated or report.purged:
            out.print(
                f"{counted(report.repeated, 'event')} stood in the inputs more than once, {report.purged} were purged"
            )
    if report.damaged:
        say(f"{len(report.damaged)} damaged places were left out")


def _print_input(out: Any, item: "InputReport", *, names: bool) -> None:
    out.print(
        f"{safe_line(item.name)}: {counted(item.events, 'event')}, {counted(item.sessions, 'session')}:",
        end=" ",
        soft_wrap=True,
    )
    out.print(f"{len(item.new_sessions)} new, {len(item.known_sessions)} known from inputs before")
    if names:
        for what, labels in (("add", item.new_sessions), ("join", item.known_sessions)):
            for label in labels[:_SHOWN]:
                out.print(f"    {what:<5}{safe_line(label)}", soft_wrap=True)
            if len(labels) > _SHOWN:
                out.print(f"    ... and {len(labels) - _SHOWN} more; --json shows all")
    for finding in item.findings[:_SHOWN]:
        out.print(f"    {safe_line(str(finding))}", soft_wrap=True)
