"""`insight session`: what was recorded."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import (
    JsonOption,
    LogOption,
    ProfileOption,
    console,
    counts_text,
    duration_text,
    local_text,
    open_model,
    print_json,
    styled,
    utc_text,
)
from .safe import safe, safe_line

if TYPE_CHECKING:
    from rich.console import Console

    from ..projections.apply import SessionRow
    from ..projections.models import TestSession
    from ..projections.readmodel import ReadModel

app = typer.Typer(no_args_is_help=True)

LIST_LIMIT = 50
_BAD = ("failed", "error")
_NAMES_SHOWN = 20


@app.command("list")
def list_sessions(
    profile: ProfileOption = None,
    log: LogOption = None,
    sut: Annotated[str | None, typer.Option("--sut", help="Only sessions of this system under test.")] = None,
    everything: Annotated[bool, typer.Option("--all", help=f"All sessions, not only the newest {LIST_LIMIT}.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List recorded sessions, the newest first.

    Example: insight session list --sut checkout
    """
    with open_model(profile, log) as model:
        rows = model.sessions(sut=sut, limit=None if everything else LIST_LIMIT + 1)
        shown = rows if everything else rows[:LIST_LIMIT]
        if as_json:
            print_json([session_data(row) for row in shown])
            return
        if not rows:
            console(err=True).print("No sessions." if sut is None else f"No sessions of {safe_line(sut)}.")
            return
        _print_list(shown)
        if len(rows) > len(shown):
            console(err=True).print(f"The newest {LIST_LIMIT}; --all shows all of them.")


@app.command("show")
def show_session(
    session: Annotated[str, typer.Argument(metavar="ID", help="Beginning of a session id, or `last`.")],
    profile: ProfileOption = None,
    log: LogOption = None,
    results: Annotated[bool, typer.Option("--results", "-r", help="List every test.")] = False,
    output: Annotated[
        bool, typer.Option("--output", "-o", help="Show captured output of tests that went wrong.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one session: its counts, what failed and why, what was running when it ended, what never ran.

    Example: insight session show last --output
    """
    from ..projections.sessions import load_session  # noqa: PLC0415 - commands import what they use

    with open_model(profile, log) as model:
        row = model.find_session(session)
        view = load_session(model, row)
        if as_json:
            print_json(_details(row, view))
            return
        _print_session(model, row, view, results=results, output=output)


def session_data(row: "SessionRow") -> dict[str, Any]:
    """Return a session as `--json` prints it; docs/cli.md lists the fields."""
    header = row.part.header or {}
    return {
        "session_id": row.session_id,
        "stream": row.stream,
        "sut": row.sut,
        "status": row.status,
        "started_at": utc_text(row.started_us),
        "duration_s": row.duration_us / 1_000_000,
        "exit_status": row.exit_status,
        "counts": row.counts,
        "verdicts": row.verdicts,
        "missing": row.missing,
        "running": [nodeid for nodeid, _, _ in row.part.open],
        "interrupted": row.part.interrupted,
        "dropped": row.part.dropped,
        "commit": (header.get("vcs") or {}).get("commit", ""),
        "branch": (header.get("vcs") or {}).get("branch", ""),
        "tags": header.get("tags") or {},
    }


def _details(row: "SessionRow", view: "TestSession") -> dict[str, Any]:
    header = row.part.header or {}
    return session_data(row) | {
        "testing_system": header.get("testing_system") or {},
        "pytest": header.get("pytest", ""),
        "python": header.get("python", ""),
        "plugins": header.get("plugins") or {},
        "args": header.get("args") or [],
        "rootdir": header.get("rootdir", ""),
        "vcs": header.get("vcs"),
        "ci": header.get("ci") or {},
        "not_run": view.not_run,
        "collection_failed": row.part.collect_failed,
        "internal_error": row.part.internal_error,
        "results": [result.to_dict() for result in view.test_results],
        "output": view.output_fields.to_dict(),
    }


def _print_list(rows: "list[SessionRow]") -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("session", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("duration", justify="right", no_wrap=True)
    table.add_column("sut", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("counts", overflow="fold")
    for row in rows:
        table.add_row(
            safe_line(row.session_id),
            local_text(row.started_us),
            duration_text(row.duration_us),
            safe_line(row.sut),
            styled(row.status),
            counts_text(row.counts),
        )
    console().print(table)


def _print_session(model: "ReadModel", row: "SessionRow", view: "TestSession", *, results: bool, output: bool) -> None:
    out = console()
    _print_head(out, row, view)
    for result, position in zip(
        view.test_results, [attempt.position for attempt in model.attempts(row.stream)], strict=True
    ):
        bad = result.outcome.to_str() in _BAD
        if results or bad:
            out.print(
                styled(result.outcome.to_str().upper().ljust(7)), safe_line(result.nodeid), end=" ", soft_wrap=True
            )
            out.print(duration_text(round(result.duration * 1e6)), style="dim")
        if bad:
            _print_failure(out, model, position, output=output)
    _print_names(out, "Running when the session ended:", view.running, "crashed")
    _print_names(out, "Announced, but never run:", view.not_run, "not_run")


def _print_head(out: "Console", row: "SessionRow", view: "TestSession") -> None:
    header = row.part.header or {}
    out.print("session", safe_line(row.session_id), style="bold", end="  ")
    out.print(styled(row.status))
    lines = {
        "sut": row.sut,
        "started": f"{local_text(row.started_us)}, took {duration_text(row.duration_us)}",
        "commit": _commit_text(view.vcs),
        "on": ", ".join(
            [
                str(view.testing_system.get("name", "?")),
                f"pytest {header.get('pytest') or '?'}",
                f"Python {header.get('python') or '?'}",
            ]
        ),
        "ran": "pytest " + " ".join(str(arg) for arg in header.get("args") or ()),
        "tags": ", ".join(f"{name}={value}" for name, value in view.session_tags.items()),
        "ci": ", ".join(f"{name} {value}" for name, value in view.ci.items()),
        "exit": "" if row.exit_status is None else str(row.exit_status),
        "ended by": row.part.interrupted or row.part.internal_error.partition("\n")[0],
        "counts": counts_text(row.counts),
        "lost": f"{row.part.dropped} events could not be recorded" if row.part.dropped else "",
    }
    for name, text in lines.items():
        if text:
            out.print(name.rjust(8), style="dim", end="  ")
            out.print(safe_line(text), soft_wrap=True)
    out.print()


def _commit_text(vcs: dict[str, Any]) -> str:
    if not vcs.get("commit"):
        return ""
    parts = [str(vcs["commit"])[:12]]
    if vcs.get("branch"):
        parts.append(f"on {vcs['branch']}")
    if vcs.get("dirty"):
        parts.append("with changes")
    return " ".join(parts)


def _print_failure(out: "Console", model: "ReadModel", position: int, *, output: bool) -> None:
    from ..projections.sessions import finished_event  # noqa: PLC0415

    event = finished_event(model, position)
    texts = {"": event.longreprtext}
    if output:
        texts |= {"stdout": event.capstdout, "stderr": event.capstderr, "log": event.caplog}
    for name, text in texts.items():
        if text:
            if name:
                out.print(f"    captured {name}:", style="dim")
            for line in safe(text).rstrip("\n").split("\n"):
                out.print(f"    {line}", soft_wrap=True)
    out.print()


def _print_names(out: "Console", title: str, names: list[str], style: str) -> None:
    if not names:
        return
    out.print(title, style="bold")
    for name in names[:_NAMES_SHOWN]:
        out.print(
            styled(style.upper().replace("CRASHED", "RUNNING").replace("_", " ")), safe_line(name), soft_wrap=True
        )
    if len(names) > _NAMES_SHOWN:
        out.print(f"... and {len(names) - _NAMES_SHOWN} more")
