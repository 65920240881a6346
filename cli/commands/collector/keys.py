"""`insight keys`: the API keys of a collector."""

from typing import Annotated

import typer

from ...arguments.collector import DatabaseOption, FolderOption, opened_database
from ...formatters.data import print_json
from ...options import JsonOption
from ...terminal.safe import safe_line
from ...terminal.screen import Listing, console

app = typer.Typer(no_args_is_help=True)

TeamOption = Annotated[str, typer.Option("--team", metavar="NAME", help="Team of the key.")]


@app.command("create")
def create(
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="reader, writer or admin.")] = "writer",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="A scope instead of a role; may be repeated.")
    ] = None,
    team: TeamOption = "default",
    owner: Annotated[str, typer.Option("--owner", metavar="TEXT", help="Person or machine that will use it.")] = "",
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, help="Days until it expires.")] = None,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and print it; it cannot be shown again.

    Example: insight keys create --role writer --owner ci
    """
    from datetime import UTC, datetime, timedelta

    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action
        from ....collector.access.keys import create_key, scopes_of_role
        from ....collector.access.teams import known_team

        scopes = tuple(scope) if scope else scopes_of_role(role)
        expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
        with engine.begin() as connection:
            found = known_team(connection, team)
            key_id, text = create_key(connection, found.id, scopes, owner, expires)
            record_action(connection, "key.created", team=found.id, key=key_id, by="insight keys", scopes=list(scopes))
    if as_json:
        print_json({"id": key_id, "key": text, "team": team, "scopes": list(scopes)})
        return
    console().print(f"{text}\nkey {key_id} of team {safe_line(team)}, shown only now", soft_wrap=True)


@app.command("list")
def list_all(
    team: Annotated[str, typer.Option("--team", metavar="NAME", help="Only this team.")] = "",
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the API keys, without their secrets.

    Example: insight keys list --team default
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.keys import key_data, list_keys
        from ....collector.access.teams import known_team

        with engine.connect() as connection:
            team_id = known_team(connection, team).id if team else None
            rows = [key_data(found) for found in list_keys(connection, team_id)]
    if as_json:
        print_json(rows)
        return
    listing = Listing("key", "team", "owner", "scopes", "state", "created", "expires", "last used")
    for row in rows:
        days = [(row[name] or "-")[:10] for name in ("created_at", "expires_at", "last_used_day")]
        cells = (row["id"], row["team"], row["owner"], " ".join(row["scopes"]), row["state"], *days)
        listing.add_row(*map(safe_line, cells))
    console().print(listing)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, as `insight keys list` shows it.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke an API key; running servers refuse it within ten seconds.

    Example: insight keys revoke 3f2a9c01
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action
        from ....collector.access.keys import revoke_key

        with engine.begin() as connection:
            if not revoke_key(connection, key_id):
                raise LookupError(f"key {key_id}: there is no such key; see `insight keys list`")
            record_action(connection, "key.revoked", key=key_id, by="insight keys")
    if as_json:
        print_json({"id": key_id, "state": "revoked"})
    else:
        console().print(f"key {safe_line(key_id)} is revoked")
