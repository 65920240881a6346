"""`insight report`: one HTML page about a history."""

from pathlib import Path
from typing import Annotated

import typer

from ...arguments.history import asked
from ...arguments.logs import named_logs
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import (
    AsOfOption,
    BranchOption,
    JsonOption,
    LogArgument,
    LogOption,
    ProfileOption,
    SutOption,
    TimeOption,
    VariantOption,
)
from ...terminal.safe import safe_line
from ...terminal.screen import console


def command(
    logs: LogArgument = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to (default: report.html).")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="FOLDER", help="Write index.html, report.css and report.js there instead."),
    ] = None,
    sut: SutOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    max_size: Annotated[
        str, typer.Option("--max-size", metavar="SIZE", help="Leave out what is oldest beyond this size of the page.")
    ] = "2MB",
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one HTML page about a history: what is broken since when, failures, flaky and slow tests, every test.

    The page needs no network and no other file; without JavaScript it shows everything but the table of all tests.
    Without --time it is about the sessions that `insight` alone looks at. The same log and --as-of give the same bytes.

    Example: insight report -o report.html --time 30d
    """
    from msgspec import to_builtins

    from ....reports.budget import parse_size
    from ....reports.output import ReportError, write_report
    from ..overview import history_meant, sut_meant

    if output is not None and folder is not None:
        raise ValueError("give either --output or --dir")
    limit = parse_size(max_size)
    with asked(profile, named_logs(logs, log), as_of, sut=sut, time=time, branch=branch, variant=variant) as question:
        name = question.sut or sut_meant(question.model)
        try:
            written = write_report(
                question.model, history_meant(question, time), name, path=output, folder=folder, limit=limit
            )
        except ReportError as error:
            raise ValueError(str(error)) from None
    if as_json:
        print_json(to_builtins(written))
        return
    out = console()
    out.print(safe_line(written.headline), style="bold", soft_wrap=True)
    out.print(
        f"{safe_line(written.path)}  {written.bytes / 1000:,.0f} kB, {counted(written.sessions, 'session')},"
        f" {counted(written.tests, 'test')}",
        soft_wrap=True,
    )
    for sentence in written.left_out:
        out.print(sentence, style="yellow", soft_wrap=True)
