"""`insight sql`: read-only SQL over documented tables of a log."""

import csv
import sys
from typing import Annotated

import typer

from ..arguments.history import asked
from ..formatters.data import print_json
from ..formatters.values import counted
from ..options import AsOfOption, JsonOption, LogOption, ProfileOption, SutOption, TimeOption
from ..terminal.paging import pages
from ..terminal.safe import safe_line
from ..terminal.screen import Listing, console
from ..terminal.words import Word


@pages
def command(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One SELECT statement; `-` reads it from standard input.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    sut: SutOption = None,
    time: TimeOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a read-only SQL query; without a query, list the tables and their columns.

    The tables are sessions, results, tests and failures, in SQLite's dialect. `--sut` and `--time` choose the
    sessions that the tables show.

    Example: insight sql "SELECT nodeid, count(*) FROM tests WHERE verdict = 'failed' GROUP BY 1 ORDER BY 2 DESC"
    """
    from ...api.internal.history import run_query

    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json exclude each other")
    if not query:
        _print_tables(as_json=as_json)
        return
    text = sys.stdin.read() if query == "-" else query
    with asked(profile, log, as_of, sut=sut, time=time) as question:
        answer = run_query(question.model, question.sessions, text.strip().rstrip(";"))
    if as_json:
        print_json([dict(zip(answer.columns, map(_json_value, row), strict=True)) for row in answer.rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([answer.columns, *answer.rows])
    else:
        listing = Listing(*map(safe_line, answer.columns))
        for row in answer.rows:
            listing.add_row(*map(_cell, row))
        console().print(listing)
        console(err=True).print(f"{counted(len(answer.rows), 'row')}")


def _print_tables(*, as_json: bool) -> None:
    from ...api.internal.history import TABLES

    if as_json:
        print_json({table.name: [column._asdict() for column in table.columns] for table in TABLES.values()})
        return
    out = console()
    for table in TABLES.values():
        out.print(Word(table.name, "bold"), f"- {table.meaning}")
        for column in table.columns:
            out.print(f"  {column.name:<14}{column.type:<9}{column.meaning}".rstrip())


def _json_value(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _cell(value: object) -> str:
    return "" if value is None else safe_line(f"{value:.6g}" if isinstance(value, float) else str(value))
