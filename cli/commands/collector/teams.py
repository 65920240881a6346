"""`insight teams`: the teams of a collector."""

from typing import Annotated

import typer

from ...arguments.collector import DatabaseOption, FolderOption, opened_database
from ...formatters.data import print_json
from ...formatters.values import counted
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
        from ....collector.retention.settings import keep_days

        with engine.connect() as connection:
            teams = [(team.name, keep_days(team.settings)) for team in list_teams(connection)]
    if as_json:
        print_json([{"name": name, "keep_days": days} for name, days in teams])
        return
    for name, days in teams:
        console().print(safe_line(name) + (f", keeps {counted(days, 'day')}" if days else ""))


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
        from ....collector.retention.settings import keep_days

        with engine.begin() as connection:
            team = ensure_team(connection, name)
            record_action(connection, "team.created", team=team.id, name=name, by="insight teams")
    if as_json:
        print_json({"name": name, "keep_days": keep_days(team.settings)})
    else:
        console().print(f"team {safe_line(name)} is there; make a key for it: insight keys create --team {name}")


@app.command("set")
def set_team(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the team.")],
    keep: Annotated[
        str, typer.Option("--keep", metavar="AGE", help="How long sessions are kept: 90d, or 'forever' (default).")
    ],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set how long the sessions of a team are kept; older ones are removed once a day, and not taken again.

    Example: insight teams set payments --keep 90d
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action
        from ....collector.access.teams import known_team
        from ....collector.retention.settings import parse_keep, set_keep

        days = parse_keep(keep)
        with engine.begin() as connection:
            team = known_team(connection, name)
            set_keep(connection, team, days)
            record_action(connection, "team.changed", team=team.id, keep_days=days, by="insight teams")
    if as_json:
        print_json({"name": name, "keep_days": days})
    else:
        kept = "everything" if days is None else f"sessions of the last {counted(days, 'day')}"
        console().print(f"team {safe_line(name)} keeps {kept}")
