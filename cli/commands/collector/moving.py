"""`insight db move-segments`: bodies of segments from the database to a bucket, and back."""

from typing import TYPE_CHECKING, Annotated

import typer

from ...arguments.collector import DatabaseOption, FolderOption, SegmentsOption, opened_database
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import JsonOption
from ...terminal.messages import progress_bar
from ...terminal.safe import safe_line
from ...terminal.screen import console

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ....collector.bodies.moving import MovedBodies

_DATABASE = "database"

TargetOption = Annotated[
    str, typer.Option("--to", metavar="URL", help="Bucket or folder that gets the bodies, or 'database'.")
]


def move_segments(
    to: TargetOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be moved.")] = False,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    segments: SegmentsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Move the bodies of all segments to a bucket, or back to the database; exit with 1 if some are left.

    Servers may go on meanwhile, if they are started with --segments. A run that is cut off is continued by the next
    one.

    Example: insight db move-segments --to s3://my-bucket/insight
    """
    with opened_database(db_url, folder) as engine:
        moved = _move_to_database(engine, segments, dry_run) if to == _DATABASE else _move_to(engine, to, dry_run)
    if as_json:
        print_json(
            {
                "to": to,
                "dry_run": dry_run,
                "segments": moved.segments,
                "bytes": moved.bytes,
                "left": moved.left,
                "findings": moved.findings,
            }
        )
        raise typer.Exit(1 if moved.left and not dry_run else 0)
    for line in moved.findings:
        console().print(safe_line(line), soft_wrap=True)
    verb = "would be moved" if dry_run else "moved"
    what = f"{counted(moved.segments, 'segment')} with {moved.bytes} bytes {verb} to {to}"
    console().print(safe_line(what), soft_wrap=True)
    if moved.left and not dry_run:
        console().print(f"{counted(moved.left, 'segment')} left; run it again")
        raise typer.Exit(1)


def _move_to(engine: "Engine", url: str, dry_run: bool) -> "MovedBodies":
    from ....collector.bodies.attaching import open_bodies
    from ....collector.bodies.moving import MovedBodies, PlannedMove, move_to_bucket

    store = open_bodies(engine, url)
    if dry_run:
        count, size = PlannedMove(engine, to_bucket=True).count()
        return MovedBodies(count, size, count)
    with progress_bar("segments") as progress:
        return move_to_bucket(engine, store, progress)


def _move_to_database(engine: "Engine", url: str, dry_run: bool) -> "MovedBodies":
    from ....collector.bodies.attaching import open_bodies
    from ....collector.bodies.moving import MovedBodies, PlannedMove, move_to_database
    from ....collector.bodies.owning import check_segments, read_settings

    with engine.connect() as connection:
        known = read_settings(connection).url
    count, size = PlannedMove(engine, to_bucket=False).count()
    if dry_run or not known:
        return MovedBodies(count, size, count)
    store = open_bodies(engine, url or known)
    check_segments(engine)
    with progress_bar("segments") as progress:
        return move_to_database(engine, store, progress)
