"""`insight dashboard`: the pages of a report on this machine, which follow the log."""

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...arguments.history import question
from ...arguments.logs import followed_log, following_mirror, named_logs
from ...options import ProfileOption, SutOption, TimeOption
from ...terminal.messages import say
from ...terminal.safe import safe_line
from ...terminal.screen import console

if TYPE_CHECKING:
    from ....api import Analysis
    from ....api.internal.history import History

FollowedArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]", help="The log to follow (default: the profile's); it need not exist yet."),
]
FollowedOption = Annotated[
    list[Path] | None, typer.Option("--log", metavar="LOG", help="The log to follow, instead of the profile's.")
]
HostOption = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Address of this machine: 127.0.0.1 or ::1; no other.")
]


def command(
    logs: FollowedArgument = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    host: HostOption = "127.0.0.1",
    opening: Annotated[bool, typer.Option("--open", help="Open the overview in a browser.")] = False,
    token: Annotated[
        bool, typer.Option("--token/--no-token", help="Only browsers that opened the printed address may look.")
    ] = True,
    sut: SutOption = None,
    time: TimeOption = None,
    profile: ProfileOption = None,
    log: FollowedOption = None,
) -> None:
    """Show the pages of `insight report` in a browser on this machine, and keep them up to date as the log grows.

    Sessions appear when they start, with the tests that run. The printed address is good once, for one browser; then
    a new one is printed. Ctrl-C ends it.

    Example: insight dashboard --open
    """
    try:
        from ....dashboard.running import DashboardSettings, run_dashboard
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe", "starlette", "uvicorn", "h11"):
            raise
        raise ValueError(f"the dashboard needs {error.name}; pip install 'pytest-insight[dashboard]'") from None

    named = named_logs(logs, log)
    source = followed_log(profile, named)
    if not source.exists():
        say(f"{safe_line(source.name)}: there is no such log yet; it is shown when it is there")

    def choose(model: "History", name: str) -> "tuple[Analysis, str]":
        return choose_sessions(model, name or sut, time)

    announced = False

    def announce(address: str) -> None:
        nonlocal announced
        first, announced = not announced, True
        console().print(address if first else f"for another browser: {address}", soft_wrap=True)
        sys.stdout.flush()  # a program that started this one reads the address from here
        if first and opening:
            webbrowser.open(address)

    with following_mirror(profile, named=bool(named)) as alive:
        run_dashboard(DashboardSettings(source, choose, host=host, port=port, with_token=token, alive=alive), announce)


def choose_sessions(model: "History", sut: str | None, time: str | None) -> "tuple[Analysis, str]":
    """Return the sessions that the pages are about, and their system."""
    from ..overview import history_meant, sut_meant

    asked = question(model, None, sut=sut, time=time)
    return history_meant(asked, time), asked.sut or sut_meant(model)
