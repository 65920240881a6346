"""`insight teams`: the teams of a collector."""

from typing import Annotated

import typer

from ...arguments.collector import DatabaseOption, FolderOption, opened_database
from ...formatters.data import print_json
from ...options import JsonOption
from ...terminal.safe import safe_line
from ...terminal.screen import console

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_all_teams(db_url: DatabaseOption = "", folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the teams.

    Example: insight teams list
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.teams import list_teams

        with engine.connect() as connection:
            names = [team.name for team in list_teams(connection)]
    if as_json:
        print_json([{"name": name} for name in names])
        return
    for name in names:
        console().print(safe_line(name))


@app.command("create")
def create_team(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, '.', '_' and '-'.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a team; its data is seen with its keys alone.

    Example: insight teams create payments
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action
        from ....collector.access.teams import ensure_team

        with engine.begin() as connection:
            team = ensure_team(connection, name)
            record_action(connection, "team.created", team=team.id, name=name, by="insight teams")
    if as_json:
        print_json({"name": name})
    else:
        console().print(f"team {safe_line(name)} is there; make a key for it: insight keys create --team {name}")
