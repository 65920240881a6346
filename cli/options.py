"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments.completion import complete_profile, complete_sut, complete_test

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


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"pytest-insight {version('pytest-insight')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
