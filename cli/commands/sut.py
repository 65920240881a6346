"""`insight sut`: the systems under test."""

from typing import Annotated

import typer

from ..arguments.completion import complete_sut
from ..arguments.history import asked, history_model
from ..arguments.logs import named_logs
from ..formatters.data import print_json
from ..formatters.values import local_text, utc_text
from ..options import (
    DEFAULT_DAYS,
    AsOfOption,
    BranchOption,
    DaysOption,
    JsonOption,
    LogArgument,
    LogOption,
    ProfileOption,
    TimeOption,
    VariantOption,
)
from ..terminal.paging import pages
from ..terminal.safe import safe_line
from ..terminal.screen import Listing, console

app = typer.Typer(no_args_is_help=True)


@app.command("list")
@pages
def list_suts(
    logs: LogArgument = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the systems under test, with the number of their sessions and when they ran.

    Example: insight sut list --json
    """
    with history_model(profile, named_logs(logs, log), as_of) as model:
        suts = model.suts()
    if as_json:
        print_json(
            [
                {"sut": name, "sessions": count, "first_at": utc_text(first), "last_at": utc_text(last)}
                for name, count, first, last in suts
            ]
        )
        return
    listing = Listing("sut", ">sessions", "|first", "|last")
    for name, count, first, last in suts:
        listing.add_row(safe_line(name), str(count), local_text(first), local_text(last))
    console().print(listing)


SutArgument = Annotated[
    str, typer.Argument(metavar="SUT", help="Name of a system under test.", autocompletion=complete_sut)
]


@app.command("show")
@pages
def show_sut(
    sut: SutArgument,
    time: TimeOption = None,
    days: DaysOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one system under test: its figures of the last 30 days, what is broken and flaky in it.

    Example: insight sut show shop --days 7
    """
    from .analytics.app import summary

    summary(
        sut=sut,
        days=days,
        time=time,
        profile=profile,
        branch=branch,
        variant=variant,
        log=log,
        as_of=as_of,
        as_json=as_json,
    )


@app.command("compare")
@pages
def compare_suts(
    base: SutArgument,
    target: SutArgument,
    time: TimeOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two systems under test.

    Example: insight sut compare shop shop-next --time 14d
    """
    from .analytics.app import compare

    compare(base=base, target=target, mode="sut", time=time, profile=profile, log=log, as_of=as_of, as_json=as_json)


@app.command("analyze")
@pages
def analyze_sut(
    sut: SutArgument,
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="One question only.")] = "all",
    days: DaysOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer the questions of the analysis about one system, and draw the verdicts of its worst tests.

    Example: insight sut analyze shop --days 30
    """
    from .analytics.app import analyze
    from .analytics.metrics import draw_worst

    if not as_json and metric == "all":
        with asked(
            profile,
            log,
            as_of,
            sut=sut,
            time=time,
            days=days,
            default_days=DEFAULT_DAYS,
            branch=branch,
            variant=variant,
        ) as question:
            draw_worst(question)
    analyze(
        sut=sut,
        metric=metric,
        days=days,
        time=time,
        profile=profile,
        branch=branch,
        variant=variant,
        log=log,
        as_of=as_of,
        as_json=as_json,
    )
