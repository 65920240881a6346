"""`insight session`: what was recorded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...arguments.comparisons import compare_words
from ...arguments.completion import complete_session
from ...arguments.history import history_model, question, session_meant
from ...arguments.logs import named_logs
from ...arguments.passing import PassingCommand, passed_on
from ...formatters.data import print_json
from ...formatters.sessions.session_data import session_data, session_details, total_data
from ...formatters.sessions.session_list import list_table, states_of
from ...formatters.values import counted
from ...options import (
    AsOfOption,
    BaseOption,
    JsonOption,
    LogArgument,
    LogOption,
    ModeOption,
    ProfileOption,
    SutOption,
    TargetOption,
)
from ...terminal.messages import say
from ...terminal.paging import pages, write
from ...terminal.safe import safe, safe_line
from ...terminal.screen import console

if TYPE_CHECKING:
    from ....api.internal.history import History, SessionRow

app = typer.Typer(no_args_is_help=True)


_REFUSED_SHOWN = 5


_NOTHING_LEFT = (0, 5)
"""Exit statuses of pytest after which a session leaves nothing to run again: all passed, and no tests."""


SessionArgument = Annotated[
    str,
    typer.Argument(
        metavar="[ID]", help="Beginning of a session id, commit, git ref, or `last`.", autocompletion=complete_session
    ),
]


LIST_LIMIT = 50


@app.command("list")
@pages
def list_sessions(
    logs: LogArgument = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    sut: SutOption = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="All sessions of this test run, and their common result.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help=f"All sessions, not only the newest {LIST_LIMIT}.")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """List recorded sessions, the newest first.

    Example: insight session list --sut checkout
    """
    with history_model(profile, named_logs(logs, log), as_of) as model:
        full_name = question(model, as_of, sut=sut).sut
        if run is not None:
            from ....api.internal.history import sessions_of_run, total_of

            rows, everything = sessions_of_run(model, run, sut=full_name), True
            total = total_of(model, rows) if rows else None
        else:
            total = None
            rows = model.sessions(sut=full_name, limit=None if everything else LIST_LIMIT + 1)
        shown = rows if everything else rows[:LIST_LIMIT]
        if as_json:
            sessions = [session_data(row, model.state_of(row)) for row in shown]
            print_json(
                sessions
                if run is None
                else {"sessions": sessions, "total": None if total is None else total_data(total)}
            )
            return
        if not rows:
            whose = " and ".join(safe_line(name) for name in (sut, run and f"run {run}") if name)
            console(err=True).print(f"No sessions of {whose}." if whose else "No sessions.")
            return
        out = console()
        out.print(list_table(shown, total, states_of(model, shown)))
        if len(rows) > len(shown):
            console(err=True).print(f"The newest {LIST_LIMIT}; --all shows all of them.")
        if total is not None and total.cut:
            from ...formatters.sessions.session_show import print_names

            print_names(out, "Running when a session was killed, and not run since:", list(total.cut), "crashed")


@app.command("show")
@pages
def show_session(
    session: SessionArgument = "last",
    profile: ProfileOption = None,
    log: LogOption = None,
    results: Annotated[bool, typer.Option("--results", "-r", help="List every test.")] = False,
    output: Annotated[bool, typer.Option("--output", help="Show captured output of tests that went wrong.")] = False,
    time: Annotated[
        str | None, typer.Option("--time", metavar="SPAN", help="`last` is the last of this span: 7d, 24h, 2026-11-01.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All details: --results and --output.")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one session: its counts, what failed and why, what was running when it ended, what never ran.

    Example: insight session show last --output
    """
    from ....api.internal.history import load_session
    from ...formatters.sessions.session_show import print_session

    with history_model(profile, log, as_of) as model:
        row = _session_in(model, session, time, as_of)
        view = load_session(model, row)
        if as_json:
            print_json(session_details(model, row, view))
            return
        print_session(model, row, view, results=results or verbose, output=output or verbose)


@app.command("run", cls=PassingCommand)
def run_session(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARG]...", help="Files and tests for pytest; its options go behind `--`."),
    ] = None,
    sut: Annotated[str | None, typer.Option("--sut", metavar="NAME", help="System under test.")] = None,
    profile: ProfileOption = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="PATH", help="Record into this file instead of a profile's log.")
    ] = None,
) -> None:
    """Run pytest with recording; arguments behind `--` are passed on to it, and its exit code is passed back.

    Example: insight session run --sut shop -- tests -x
    """
    from .running import run_pytest

    raise typer.Exit(run_pytest([*(arguments or ()), *passed_on(context)], sut=sut, profile=profile, log=log))


@app.command("rerun", cls=PassingCommand)
def rerun_session(
    context: typer.Context,
    session: Annotated[
        str, typer.Argument(metavar="[ID]", help="Beginning of a session id.", autocompletion=complete_session)
    ] = "last",
    failed: Annotated[bool, typer.Option("--failed", help="What failed.")] = False,
    not_run: Annotated[bool, typer.Option("--not-run", help="What was running or never ran.")] = False,
    all_but_passed: Annotated[bool, typer.Option("--all-but-passed", help="Also what was skipped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only list the tests.")] = False,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print the tests as JSON.")] = False,
) -> None:
    """Run again what a recorded session left failing or unfinished, also one from a CI artifact (--log).

    The run is recorded into the profile, so that repeating it without --log converges: each run takes what the last one
    left. Without an option: what failed and what did not run.

    Example: insight session rerun last --failed -- -x
    """
    from .node_ids import check_node_ids
    from .running import left_over, rerun_pytest

    if as_json and not dry_run:
        raise ValueError("--json lists what would run; give --dry-run too")
    arguments = passed_on(context)
    with history_model(profile, log, None) as model:
        row = session_meant(model, session)
        tests = left_over(model, row, failed=failed, not_run=not_run, all_but_passed=all_but_passed)
    checked = check_node_ids(tests, Path.cwd())
    _show_refused(checked.refused)
    if as_json:
        refused = [{"nodeid": nodeid, "reason": reason} for nodeid, reason in checked.refused.items()]
        print_json({"session_id": row.session_id, "sut": row.sut, "tests": checked.accepted, "refused": refused})
    elif dry_run:
        for nodeid in checked.accepted:
            typer.echo(safe_line(nodeid))
    if not checked.accepted:
        say(f"session {safe_line(row.session_id)} left nothing that can be run again")
    elif not dry_run:
        say(f"running {counted(len(checked.accepted), 'test')} again as part of {safe_line(row.sut)}")
        raise typer.Exit(rerun_pytest(checked.accepted, arguments, sut=row.sut, profile=profile))
    chosen = failed or not_run or all_but_passed  # such a choice may match nothing
    if not checked.accepted and (checked.refused or (not chosen and row.exit_status not in _NOTHING_LEFT)):
        raise typer.Exit(1)


def _show_refused(refused: dict[str, str]) -> None:
    """Name node ids of the log that pytest does not get."""
    for nodeid, reason in list(refused.items())[:_REFUSED_SHOWN]:
        say(f"refused {safe_line(nodeid)}: {reason}")
    if len(refused) > _REFUSED_SHOWN:
        say(f"refused {len(refused) - _REFUSED_SHOWN} more node ids of the log")


@app.command("play")
@pages
def play_session(
    session: SessionArgument = "last",
    until: Annotated[int | None, typer.Option("--until", metavar="SEQ", min=0, help="Only up to this event.")] = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    raw: Annotated[bool, typer.Option("--raw", help="Do not make control characters visible.")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a recorded session as the terminal showed it: its sections, and between them its tests as they finished.

    Example: insight session play last --until 40
    """
    from .running import play

    with history_model(profile, log, as_of) as model:
        row = session_meant(model, session)
        if as_json:
            lines = "".join(play(model, row, until)).splitlines()
            print_json({"session_id": row.session_id, "until": until, "lines": lines})
            return
        for line in play(model, row, until):
            write(line if raw else safe(line))


@app.command("compare")
@pages
def compare_sessions(
    base: Annotated[
        str | None, typer.Argument(metavar="[BASE]", help="As --base.", autocompletion=complete_session)
    ] = None,
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="As --target.", autocompletion=complete_session)
    ] = None,
    base_option: BaseOption = None,
    target_option: TargetOption = None,
    mode: ModeOption = None,
    sut: SutOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two sessions: new failures, fixed, still failing, missing and new tests, slower and faster ones.

    Without BASE and TARGET: the newest session with the one before it of the same system, branch and variant.

    Example: insight session compare --base main
    """
    for given, option, named in ((base, base_option, "--base"), (target, target_option, "--target")):
        if given is not None and option is not None:
            raise ValueError(f"{named} {option}: {given!r} is given for the same side; name it once")
    compare_words(
        base or base_option,
        target or target_option,
        mode=mode,
        profile=profile,
        logs=named_logs(log),
        as_of=as_of,
        sut=sut,
        as_json=as_json,
    )


def _session_in(model: "History", session: str, time: str | None, as_of: str | None) -> "SessionRow":
    """The session that is meant; of a span of time the last one, or the one whose id begins so."""
    if time is None:
        return session_meant(model, session)
    rows = question(model, as_of, time=time).sessions
    fits = [row for row in rows if session in ("last", "latest") or row.session_id.startswith(session)]
    if not fits:
        raise LookupError(f"no session {session!r} in {time}")
    return fits[0]
