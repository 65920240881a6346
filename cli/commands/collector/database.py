"""`insight db`: the database of a collector."""

from pathlib import Path
from typing import Annotated

import typer

from ...arguments.collector import DatabaseOption, FolderOption, database_meant, opened_database
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import JsonOption
from ...terminal.safe import safe_line
from ...terminal.screen import console

app = typer.Typer(no_args_is_help=True)


@app.command("upgrade")
def upgrade(db_url: DatabaseOption = "", folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Bring the schema up to date; needed after an upgrade of pytest-insight with --db-url.

    Example: insight db upgrade --db-url postgresql://localhost/insight
    """
    with database_meant(db_url, folder) as url:
        from ....collector.database.connections import open_engine
        from ....collector.database.migrating import upgrade_schema

        engine = open_engine(url)
        before, after = upgrade_schema(engine)
        engine.dispose()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        console().print(f"the schema is up to date: {after}")
    else:
        console().print(f"the schema is {after} now; it was {before or 'missing'}")


@app.command("check")
def check(db_url: DatabaseOption = "", folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Check every stored segment and stream; exit with 1 if something is wrong.

    Example: insight db check
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.database.checking import check_database

        found = list(check_database(engine))
    if as_json:
        print_json({"ok": not found, "findings": found})
    else:
        for line in found:
            console().print(safe_line(line), soft_wrap=True)
        console().print(counted(len(found), "finding") if found else "all segments and streams are sound")
    raise typer.Exit(1 if found else 0)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="New file; made as a whole or not at all.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a backup of the database; servers may go on meanwhile.

    Example: insight db backup insight-2026-11-28.dump
    """
    with database_meant(db_url, folder) as url:
        from ....collector.database.backups import write_backup

        write_backup(url, target)
    if as_json:
        print_json({"file": str(target), "bytes": target.stat().st_size})
    else:
        console().print(f"backup: {safe_line(str(target))}", soft_wrap=True)


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Written by `insight db backup`.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty database; clients then send again what it lacks.

    Example: insight db restore insight-2026-11-28.dump --db-url postgresql://localhost/insight_new
    """
    with database_meant(db_url, folder, new=True) as url:
        from ....collector.database.backups import restore_backup

        restore_backup(url, source)
    if as_json:
        print_json({"file": str(source)})
    else:
        console().print(f"restored from {safe_line(str(source))}; start the server", soft_wrap=True)
