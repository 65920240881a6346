"""`insight keys` and `insight teams`: who may send to a collector and ask it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...formatters.data import print_json
from ...options import JsonOption
from ...terminal.safe import safe_line
from ...terminal.screen import Listing, console
from .serve import DatabaseOption, FolderOption, require_server

if TYPE_CHECKING:
    from sqlalchemy import Engine

keys_app = typer.Typer(no_args_is_help=True)
teams_app = typer.Typer(no_args_is_help=True)

TeamOption = Annotated[str, typer.Option("--team", metavar="NAME", help="Team of the key.")]


@contextmanager
def database_meant(db_url: str, folder: Path | None, *, new: bool = False) -> Generator[str]:
    """Give the URL of the database that the options mean; a private one is started if it does not run.

    Args:
        db_url: of the options.
        folder: of the options.
        new: make a private one that is missing.

    Raises:
        FileNotFoundError: there is no private one.
    """
    require_server()
    from ....eventlog.home.paths import home_dir  # noqa: PLC0415

    private: Any = None
    if not db_url:
        from ....collector.database.private_server import PrivateServer  # noqa: PLC0415

        place = folder or home_dir() / "collector"
        if not (new or (place / "postgres").exists()):
            raise FileNotFoundError(2, "there is no collector; start one with `insight serve`", str(place))
        private = PrivateServer(place)
    try:
        yield db_url or private.url
    finally:
        if private is not None:
            private.stop()


@contextmanager
def opened_database(db_url: str, folder: Path | None) -> Generator["Engine"]:
    """Give the engine of the database that the options mean, which has to have the schema of this release."""
    with database_meant(db_url, folder) as url:
        from sqlalchemy.exc import OperationalError  # noqa: PLC0415

        from ....collector.database.connections import open_engine  # noqa: PLC0415
        from ....collector.database.migrating import check_schema  # noqa: PLC0415

        engine = open_engine(url)
        try:
            check_schema(engine)
            yield engine
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[-1] if error.orig else "no reason given"
            raise ConnectionError(f"database: it cannot be reached: {reason}; check --db-url") from error
        finally:
            engine.dispose()


@keys_app.command("create")
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
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - commands import what they use

    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action  # noqa: PLC0415
        from ....collector.access.keys import create_key, scopes_of_role  # noqa: PLC0415
        from ....collector.access.teams import known_team  # noqa: PLC0415

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


@keys_app.command("list")
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
        from ....collector.access.keys import key_data, list_keys  # noqa: PLC0415
        from ....collector.access.teams import known_team  # noqa: PLC0415

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


@keys_app.command("revoke")
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
        from ....collector.access.audit import record_action  # noqa: PLC0415
        from ....collector.access.keys import revoke_key  # noqa: PLC0415

        with engine.begin() as connection:
            if not revoke_key(connection, key_id):
                raise LookupError(f"key {key_id}: there is no such key; see `insight keys list`")
            record_action(connection, "key.revoked", key=key_id, by="insight keys")
    if as_json:
        print_json({"id": key_id, "state": "revoked"})
    else:
        console().print(f"key {safe_line(key_id)} is revoked")


@teams_app.command("list")
def list_all_teams(db_url: DatabaseOption = "", folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the teams.

    Example: insight teams list
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.teams import list_teams  # noqa: PLC0415

        with engine.connect() as connection:
            names = [team.name for team in list_teams(connection)]
    if as_json:
        print_json([{"name": name} for name in names])
        return
    for name in names:
        console().print(safe_line(name))


@teams_app.command("create")
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
        from ....collector.access.audit import record_action  # noqa: PLC0415
        from ....collector.access.teams import ensure_team  # noqa: PLC0415

        with engine.begin() as connection:
            team = ensure_team(connection, name)
            record_action(connection, "team.created", team=team.id, name=name, by="insight teams")
    if as_json:
        print_json({"name": name})
    else:
        console().print(f"team {safe_line(name)} is there; make a key for it: insight keys create --team {name}")
