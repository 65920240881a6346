"""`insight history`: sessions over time."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..arguments.history import asked
from ..arguments.logs import named_logs
from ..formatters.answers import about_text
from ..formatters.data import print_json
from ..formatters.sessions.session_data import session_data
from ..formatters.sessions.session_list import list_table, states_of
from ..formatters.values import counted, name
from ..options import (
    LIMIT,
    AllOption,
    AsOfOption,
    JsonOption,
    LogArgument,
    LogOption,
    ProfileOption,
    SutOption,
    TimeOption,
)
from ..terminal.paging import pages
from ..terminal.screen import console

if TYPE_CHECKING:
    from ...api.internal.history import SessionRow

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make this a group even while it has one command."""


@app.command("list")
@pages
def list_history(
    logs: LogArgument = None,
    time: TimeOption = None,
    by_sut: Annotated[bool, typer.Option("--by-sut", help="Grouped by system under test.")] = False,
    sut: SutOption = None,
    everything: AllOption = False,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """List sessions of a span of time, the newest first.

    Example: insight history list --time 7d --by-sut
    """
    from msgspec.structs import asdict

    from ...api.internal.answers import about_rows

    with asked(profile, named_logs(logs, log), as_of, sut=sut, time=time) as question:
        rows = question.sessions
        shown = rows if everything else rows[:LIMIT]
        states = states_of(question.model, shown)
    groups: dict[str, list[SessionRow]] = {}
    for row in shown:
        groups.setdefault(row.sut if by_sut else "", []).append(row)
    about = about_rows(rows)
    if as_json:
        data = {
            group: [session_data(row, states[row.stream]) for row in found] for group, found in sorted(groups.items())
        }
        print_json({"about": asdict(about)} | ({"suts": data} if by_sut else {"sessions": data.get("", [])}))
        return
    if not rows:
        console(err=True).print("No sessions.")
        return
    out = console()
    out.print(about_text(about), style="bold", soft_wrap=True)
    for group, found in sorted(groups.items()):
        if by_sut:
            out.print(f"{name(group)}: {counted(len(found), 'session')}", style="bold")
        out.print(list_table(found, None, states))
    if len(rows) > len(shown):
        console(err=True).print(f"The newest {LIMIT} of {len(rows)}; --all shows all of them.")
