"""The database of a collector: the one that is named, or a private one in a folder."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ...collector.bodies.restoring import BodiesElsewhere

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db-url",
        metavar="URL",
        envvar="INSIGHT_DB_URL",
        help="PostgreSQL to use (default: a private one, in a folder).",
    ),
]
SegmentsOption = Annotated[
    str,
    typer.Option(
        "--segments",
        metavar="URL",
        envvar="INSIGHT_SEGMENTS",
        help="Bucket or folder with the bodies of segments: s3://bucket/prefix, gs://, az://, file:///folder.",
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="Folder of the private PostgreSQL (default: in the home of insight)."),
]


def require_server() -> None:
    """Check that the extra `server` is installed.

    Raises:
        FileNotFoundError: it is not.
    """
    try:
        for name in ("alembic", "fastapi", "psycopg"):
            import_module(name)
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[server]'", "collector") from error


@contextmanager
def database_meant(db_url: str, folder: Path | None, *, new: bool = False) -> Generator[str]:
    """Yield the URL of the database that the options mean; a private one is started if it does not run.

    Args:
        db_url: of the options.
        folder: of the options.
        new: make a private one that is missing.

    Raises:
        FileNotFoundError: there is no private one.
    """
    require_server()
    from ...api.internal.logs import home_dir

    private: Any = None
    if not db_url:
        from ...collector.database.private_server import PrivateServer

        place = folder or home_dir() / "collector"
        if not (new or (place / "postgres").exists()):
            raise FileNotFoundError(2, "there is no collector; start one with `insight serve`", str(place))
        private = PrivateServer(place)
    try:
        yield db_url or private.url
    finally:
        if private is not None:
            private.stop()


def adopt_restored(url: str, segments: str) -> "tuple[BodiesElsewhere, int]":
    """Look for the bodies of a database that was restored just now.

    Args:
        url: of the database.
        segments: bucket of the options; empty without one.

    Returns:
        Bucket and number of segments, and how many rows were dropped as their objects are gone.

    Raises:
        BackupError: bodies are in a bucket, and none is given; the database is empty again.
        ConnectionError: the bucket cannot be used now; the database is empty again.
    """
    from ...collector.bodies.attaching import open_bodies
    from ...collector.bodies.restoring import adopt_bucket, count_elsewhere
    from ...collector.bodies.store import BodiesUnavailableError
    from ...collector.database.backups import BackupError, empty_database
    from ...collector.database.connections import open_engine

    engine = open_engine(url)
    try:
        elsewhere = count_elsewhere(engine)
        if not elsewhere.url:
            return elsewhere, 0
        if not segments:
            empty_database(engine)
            raise BackupError(
                f"database: {elsewhere.segments} segments of the backup have their bodies in {elsewhere.url};"
                f" give --segments {elsewhere.url}, or the URL of a copy of it"
            )
        missing = adopt_bucket(engine, open_bodies(engine, segments))
        return count_elsewhere(engine), missing
    except BodiesUnavailableError as error:
        empty_database(engine)
        raise ConnectionError(f"segments: {error}") from error
    finally:
        engine.dispose()


@contextmanager
def opened_database(db_url: str, folder: Path | None, segments: str | None = None) -> Generator["Engine"]:
    """Yield the engine of the database that the options mean, which has to have the schema of this release.

    Args:
        db_url: of the options.
        folder: of the options.
        segments: bucket of the options, which has to be that of the database; None if no body is needed.
    """
    with database_meant(db_url, folder) as url:
        from sqlalchemy.exc import OperationalError

        from ...collector.bodies.owning import check_segments
        from ...collector.bodies.store import BodiesUnavailableError
        from ...collector.database.connections import open_engine
        from ...collector.database.migrating import check_schema

        engine = open_engine(url, segments=segments or "")
        try:
            check_schema(engine)
            if segments is not None:
                check_segments(engine)
            yield engine
        except BodiesUnavailableError as error:
            raise ConnectionError(f"segments: {error}") from error
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[-1] if error.orig else "no reason given"
            raise ConnectionError(f"database: it cannot be reached: {reason}; check --db-url") from error
        finally:
            engine.dispose()
