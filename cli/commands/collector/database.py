"""`insight db`: the database of a collector."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ...arguments.collector import (
    DatabaseOption,
    FolderOption,
    SegmentsOption,
    adopt_restored,
    database_meant,
    opened_database,
)
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import JsonOption
from ...terminal.messages import progress_bar
from ...terminal.safe import safe_line
from ...terminal.screen import console
from .moving import move_segments

app = typer.Typer(no_args_is_help=True)
app.command("move-segments")(move_segments)


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
def check(
    remove_orphans: Annotated[
        bool, typer.Option("--remove-orphans", help="Delete objects that no row names and that are older than a day.")
    ] = False,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    segments: SegmentsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check every stored segment and stream; exit with 1 if something is wrong.

    With a bucket it reads each object, and lists those that no row names: pushes that were cut off leave them.

    Example: insight db check
    """
    with opened_database(db_url, folder, segments) as engine:
        from ....collector.database.checking import check_database

        found = list(check_database(engine))
        orphans, removed = _look_for_orphans(engine, remove=remove_orphans)
    if as_json:
        print_json({"ok": not found, "findings": found, "orphans": orphans, "removed_orphans": removed})
        raise typer.Exit(1 if found else 0)
    for line in found:
        console().print(safe_line(line), soft_wrap=True)
    for orphan in orphans:
        text = f"{orphan['name']}: no row names this object, {orphan['bytes']} bytes of {orphan['modified_at'][:16]}"
        console().print(safe_line(text), soft_wrap=True)
    if removed:
        console().print(f"{counted(removed, 'object')} that no row names deleted")
    console().print(counted(len(found), "finding") if found else "all segments and streams are sound")
    raise typer.Exit(1 if found else 0)


def _look_for_orphans(engine: Any, *, remove: bool) -> tuple[list[dict[str, Any]], int]:
    """Return the objects that no row names, and how many were deleted."""
    from ....collector.bodies.attaching import bodies_of
    from ....collector.bodies.orphans import find_orphans, remove_orphans

    store = bodies_of(engine)
    if store is None:
        return [], 0
    orphans = list(find_orphans(engine, store))
    removed = remove_orphans(engine, store, orphans) if remove else 0
    return [
        {
            "name": orphan.name.text(),
            "bytes": orphan.size,
            "modified_at": orphan.modified.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        for orphan in orphans
    ], removed


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="New file; made as a whole or not at all.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a backup of the database; servers may go on meanwhile.

    Bodies of segments in a bucket are not in it: the bucket is backed up by its own means.

    Example: insight db backup insight-2026-11-28.dump
    """
    with database_meant(db_url, folder) as url:
        from ....collector.bodies.restoring import count_elsewhere
        from ....collector.database.backups import write_backup
        from ....collector.database.connections import open_engine

        write_backup(url, target)
        engine = open_engine(url)
        elsewhere = count_elsewhere(engine)
        engine.dispose()
    if as_json:
        print_json(
            {
                "file": str(target),
                "bytes": target.stat().st_size,
                "segments_url": elsewhere.url or None,
                "segments_elsewhere": elsewhere.segments,
            }
        )
        return
    console().print(f"backup: {safe_line(str(target))}", soft_wrap=True)
    if elsewhere.url:
        text = f"not in it: the bodies of {counted(elsewhere.segments, 'segment')}, which are in {elsewhere.url}"
        console().print(safe_line(text), soft_wrap=True)


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Written by `insight db backup`.")],
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    segments: SegmentsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty database; clients then send again what it lacks.

    If bodies of segments are in a bucket, --segments names it: from then on it belongs to the restored database, and
    rows whose objects are gone are dropped. To look at a backup without taking the bucket from a database that is in
    use, give a copy of the bucket.

    Example: insight db restore insight-2026-11-28.dump --db-url postgresql://localhost/insight_new
    """
    with database_meant(db_url, folder, new=True) as url:
        from ....collector.database.backups import restore_backup

        restore_backup(url, source)
        elsewhere, missing = adopt_restored(url, segments)
    if as_json:
        print_json(
            {
                "file": str(source),
                "segments_url": elsewhere.url or None,
                "segments_elsewhere": elsewhere.segments,
                "segments_missing": missing,
            }
        )
        return
    console().print(f"restored from {safe_line(str(source))}; start the server", soft_wrap=True)
    if elsewhere.url:
        told = f"the bodies of {counted(elsewhere.segments, 'segment')} are in {elsewhere.url}"
        told += f"; {counted(missing, 'segment')} without an object dropped, clients send them again" if missing else ""
        console().print(safe_line(told), soft_wrap=True)


TeamsOption = Annotated[
    list[str] | None, typer.Option("--team", metavar="TEAM", help="Only this team; may be given again.")
]


def _teams_meant(connection: Any, names: list[str] | None) -> list[Any]:
    from ....collector.access.teams import known_team, list_teams

    return [known_team(connection, name) for name in names] if names else list_teams(connection)


@app.command("rebuild")
def rebuild(
    teams: TeamsOption = None,
    continues: Annotated[
        bool, typer.Option("--continue", help="Go on with a rebuild that was cut off; remove nothing.")
    ] = False,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    segments: SegmentsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make the tables of sessions and results again from the stored events; servers may go on meanwhile.

    Example: insight db rebuild --team payments
    """
    with opened_database(db_url, folder, segments) as engine:
        from ....collector.views.projecting import begin_rebuild, finish_rebuild

        with engine.connect() as connection:
            meant = _teams_meant(connection, teams)
        done: list[tuple[str, int]] = []
        for team in meant:
            if not continues:
                begin_rebuild(engine, team.id)
            with progress_bar(team.name) as progress:
                done.append((team.name, finish_rebuild(engine, team.id, progress)))
    if as_json:
        print_json([{"team": name, "streams": streams} for name, streams in done])
        return
    for name, streams in done:
        console().print(f"{safe_line(name)}: {counted(streams, 'stream')} folded")


@app.command("grant")
def grant(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Role of PostgreSQL, for instance of Grafana.")],
    teams: TeamsOption = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Let it read nothing any more.")] = False,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a role of the database read the tables of the schema `insight`, and nothing else.

    Example: insight db grant grafana --team payments
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.access.audit import record_action
        from ....collector.database.granting import grant_tables, revoke_tables

        with engine.begin() as connection:
            meant = _teams_meant(connection, teams)
            if revoke:
                revoke_tables(connection, role)
            else:
                grant_tables(connection, role, [team.id for team in meant])
            for team in meant:
                action = "tables.revoked" if revoke else "tables.granted"
                record_action(connection, action, team=team.id, role=role, by="insight db")
    names = [] if revoke else [team.name for team in meant]
    if as_json:
        print_json({"role": role, "teams": names})
    elif revoke:
        console().print(f"{safe_line(role)} reads nothing any more")
    else:
        console().print(f"{safe_line(role)} reads the schema insight for {safe_line(', '.join(names))}")


@app.command("retention")
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove sessions that are older than their team keeps; servers do so once a day.

    Example: insight db retention --dry-run
    """
    with opened_database(db_url, folder) as engine:
        from ....collector.retention.expiring import find_expired, remove_expired

        work = find_expired if dry_run else remove_expired
        found = work(engine, datetime.now(UTC))
    if as_json:
        print_json([asdict(data) | {"dry_run": dry_run} for data in found])
        return
    for data in found:
        what = f"{counted(data.streams, 'stream')} with {counted(data.events, 'event')}, {data.bytes} bytes stored"
        verb = "would be removed" if dry_run else "removed"
        console().print(f"{safe_line(data.team)}: {what}, older than {counted(data.keep_days, 'day')}, {verb}")
    if not found:
        console().print("all teams keep everything; set a limit with: insight teams set TEAM --keep 90d")
