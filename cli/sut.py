"""`insight sut`: the systems under test."""

import typer

from .common import JsonOption, LogOption, ProfileOption, console, local_text, open_model, print_json, utc_text
from .safe import safe_line

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make this a group even while it has one command."""


@app.command("list")
def list_suts(profile: ProfileOption = None, log: LogOption = None, as_json: JsonOption = False) -> None:
    """List the systems under test, with the number of their sessions and when they ran.

    Example: insight sut list --json
    """
    with open_model(profile, log) as model:
        suts = model.suts()
    if as_json:
        print_json(
            [
                {"sut": name, "sessions": count, "first_at": utc_text(first), "last_at": utc_text(last)}
                for name, count, first, last in suts
            ]
        )
        return
    from rich.table import Table  # noqa: PLC0415 - only for people

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sut", overflow="fold")
    table.add_column("sessions", justify="right")
    table.add_column("first", no_wrap=True)
    table.add_column("last", no_wrap=True)
    for name, count, first, last in suts:
        table.add_row(safe_line(name), str(count), local_text(first), local_text(last))
    console().print(table)
