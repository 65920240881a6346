"""Options and arguments that several commands share."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments.completion import complete_profile, complete_sut, complete_test
from .arguments.logs import ReadingState

ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="NAME",
        help="Profile to look at (default: the active one).",
        autocompletion=complete_profile,
    ),
]


RemoteOption = Annotated[
    str | None,
    typer.Option(
        "--remote", metavar="URL", help="Collector to look at instead of a profile; the key is in INSIGHT_API_KEY."
    ),
]
"""Added to each command that reads the log of a profile, see `read_remotes`."""


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


SutOption = Annotated[
    str | None,
    typer.Option(
        "--sut", metavar="NAME", help="Only this system under test; a beginning will do.", autocompletion=complete_sut
    ),
]


TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="SPAN",
        help="7d, 24h, 2w; a day, commit or session; or A..B, as 2026-11-01..2026-11-08.",
    ),
]


DaysOption = Annotated[int | None, typer.Option("--days", metavar="N", min=0, help="The last N days.")]


AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="WHEN",
        help="As it was at a date, a time, the end of a commit or session, or a byte offset of the log.",
    ),
]


BranchOption = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="NAME",
        help="Only sessions of this branch (default: what is broken is that of the project's branch).",
    ),
]


VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="KEY=VALUE",
        help="Only sessions of this variant, as python=3.13; may be given several times.",
    ),
]


AllOption = Annotated[bool, typer.Option("--all", help="All of them, not only the first 50.")]


NodeArgument = Annotated[
    str, typer.Argument(metavar="NODEID", help="A test, or a part of its node id.", autocompletion=complete_test)
]


LIMIT = 50


DEFAULT_DAYS = 30


LogArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[LOG]...",
        help="Logs, folders and archives of logs, or `-` for standard input (default: the profile's log).",
    ),
]


LogOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--log",
        metavar="LOG",
        help="Log, folder or archive of logs, or `-`, instead of a profile's log; may be repeated.",
    ),
]


OneLogArgument = Annotated[
    Path | None, typer.Argument(metavar="[LOG]", help="The log to change (default: the profile's).")
]


OneLogOption = Annotated[
    Path | None, typer.Option("--log", metavar="LOG", help="The log to change, instead of the profile's.")
]


FilteredSutOption = Annotated[
    str | None, typer.Option("--sut", metavar="NAME", help="Only sessions of this system under test.")
]


FilteredDaysOption = Annotated[
    float | None, typer.Option("--days", metavar="N", help="Only sessions that started within so many days.")
]


OlderOption = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="Only sessions that started longer ago: 90d, 24h, 2w."),
]


FilterOption = Annotated[
    str | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="GLOB",
        help="Only sessions whose id, or one of whose tests, fits: a whole node id, or its part after the last `::`.",
    ),
]


KeepOption = Annotated[
    int | None,
    typer.Option("--keep-last", metavar="N", min=0, help="Leave out the newest so many of each system under test."),
]


_MEANT = "session, `last`, commit, git ref, branch, SUT or span of time"


BaseOption = Annotated[
    str | None, typer.Option("--base", metavar="WHAT", help=f"A {_MEANT} (default: the session before the target).")
]


TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="WHAT", help="What it is compared with (default: the newest session).")
]


ModeOption = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="session|sut|branch|period|commit|profile",
        help="What both are, where a word has two meanings, and for profiles (default: guessed, and named).",
    ),
]


StrategyOption = Annotated[
    str,
    typer.Option(
        "--strategy",
        "-s",
        metavar="skip_existing|replace_existing|keep_both",
        help="How to add a session whose id another session already has.",
    ),
]


CHANGING = frozenset(
    {"session run", "clear", "restore", "sync", "log repair", "log collect", "log pack", "log unpack", "log purge"}
)
"""Commands with a profile that change its log, and so take no `--remote`."""


def read_remotes(words: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a command with `--remote`, if the command reads the log of a profile.

    Args:
        words: of the command.
        function: of the command.
    """
    if words in CHANGING or "profile" not in function.__annotations__:
        return function

    @wraps(function)
    def reading(*args: Any, remote: str | None = None, **options: Any) -> Any:
        if remote is not None:
            given = [name for name in ("profile", "logs", "log") if options.get(name)]
            if given:
                raise typer.BadParameter(f"--remote {remote}: a {given[0]} is named too; give one of them")
            ReadingState.remote = remote
        return function(*args, **options)

    option = inspect.Parameter("remote", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=RemoteOption)
    signature = inspect.signature(function)
    reading.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    reading.__annotations__ = {**function.__annotations__, "remote": RemoteOption}
    return reading


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"pytest-insight {version('pytest-insight')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
