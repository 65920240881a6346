"""`insight` without a command: one screen about this project."""

import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..arguments.history import asked
from ..arguments.logs import NO_LOG_YET
from ..formatters.data import json_text
from ..options import (
    BranchOption,
    JsonOption,
    LogOption,
    ProfileOption,
    SutOption,
    TimeOption,
    VariantOption,
    VersionOption,
)
from ..terminal.screen import console, use_color

if TYPE_CHECKING:
    from ...api import Analysis
    from ...api.internal.answers import Overview
    from ...api.internal.history import History
    from ..arguments.history import Question

ColorOption = Annotated[
    str,
    typer.Option("--color", metavar="auto|always|never", help="Colours; auto: on a terminal, unless NO_COLOR is set."),
]

_START = (
    "No run is recorded yet.",
    "Record one:       pytest --insight        (or `insight = true` in the ini file of pytest)",
    "Then ask again:   insight                 (all commands: insight --help)",
)
TEXT_ROWS = 5
"""Tests of a section that the screen may show."""


def command(
    context: typer.Context,
    sut: SutOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_json: JsonOption = False,
    color: ColorOption = "auto",
    version: VersionOption = False,  # noqa: ARG001 - eager: it is shown before this is called
) -> None:
    """Answer for this project in one screen, if no command is given: what is broken since when, and what to do next.

    Broken tests by commit, tests that were cut, flaky, slower and lost ones.

    The project is the system under test that was recorded in this checkout, or has its name; else that of the newest
    session. Without --time, its newest 200 sessions of the 30 days before the newest one.

    Logs may be named as words too, as in `insight artifacts/ ci.zip`; a word that is a command is the command, so a log
    of that name is `./data`, or `data` behind `--`.

    Example: insight --sut shop --time 7d
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    with use_color(color):
        _tell(_find_overview(sut, time, branch, variant, profile, log, as_json=as_json), as_json=as_json)


def _find_overview(
    sut: str | None,
    time: str | None,
    branch: str | None,
    variant: list[str] | None,
    profile: str | None,
    log: list[Path] | None,
    *,
    as_json: bool,
) -> "Overview | None":
    """Return the answer; None where nothing was recorded yet, and no log was named."""
    try:
        return _answer(sut, time, branch, variant, profile, log, rows=None if as_json else TEXT_ROWS)
    except FileNotFoundError as error:
        if log is not None or profile is not None or NO_LOG_YET not in str(error):
            raise
        return None


def _tell(found: "Overview | None", *, as_json: bool) -> None:
    """Print the answer."""
    if as_json:
        _print_json(found)
    elif found is None or not found.about.sessions:
        for line in _START:
            console().print(line, soft_wrap=True)
    else:
        from ..formatters.overview_screen import print_overview

        print_overview(console(), found, clock.time_ns() // 1000)


def _refuse_options(context: typer.Context) -> None:
    """Refuse options before a command, which would otherwise be ignored.

    Raises:
        BadParameter: there is one.
    """
    given = [name for name, value in context.params.items() if value not in (None, False, "auto")]
    if given:
        option = {"as_json": "json"}.get(given[0], given[0])
        raise typer.BadParameter(f"write --{option} behind the command: insight {context.invoked_subcommand} ...")


def _answer(
    sut: str | None,
    time: str | None,
    branch: str | None,
    variant: list[str] | None,
    profile: str | None,
    log: list[Path] | None,
    *,
    rows: int | None,
) -> "Overview":
    """Return the answer to what the options ask."""
    from ...api.internal.answers import overview_of

    with asked(profile, log, None, sut=sut, time=time, branch=branch, variant=variant) as question:
        return overview_of(question.model, history_meant(question, time), rows=rows)


def history_meant(question: "Question", time: str | None) -> "Analysis":
    """Return the sessions that are meant: of one system, of the span that is given or the newest ones."""
    from ...api import Analysis
    from ...api.internal.answers import recent_sessions

    model = question.model
    sut = question.sut or sut_meant(model)
    rows = recent_sessions(model, sut) if time is None else [row for row in question.sessions if row.sut == sut]
    return question.narrowed(Analysis.of_rows(model, rows))


def sut_meant(model: "History") -> str:
    """Return the system under test of the current folder, else that of the newest session."""
    from ..arguments.project import sut_of_folder

    names = model.sut_names()
    found = sut_of_folder(model, names, Path.cwd()) if len(names) > 1 else "".join(names)
    newest = None if found else model.newest_session()
    return newest.sut if newest is not None else found


def _print_json(found: "Overview | None") -> None:
    import msgspec

    from ...api.internal.answers import AboutAnswer, Overview

    typer.echo(json_text(msgspec.to_builtins(found or Overview(about=AboutAnswer())), indent=2))
