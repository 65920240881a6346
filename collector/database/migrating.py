"""The schema of the database: bring it up to date, and refuse to work with another one."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from ...eventlog.errors import EventLogError
from .row_security import secure_tables
from .view_tables import VIEW_METADATA

_LOCK: Final = 0x1251_4701
"""Number of the lock that only one process holds while it changes the schema."""


class SchemaMismatchError(EventLogError):
    """The schema of the database is not the one that this release works with."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes |= {"connection": connection, "metadata": VIEW_METADATA}
    return config


def newest_revision() -> str:
    """Return the revision that this release works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current_revision(connection: Connection) -> str:
    """Return the revision of the database; an empty text for an empty database."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade_schema(engine: Engine) -> tuple[str, str]:
    """Bring the schema up to date, and return its revision before and after; other processes wait meanwhile."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = current_revision(connection)
        if before != newest_revision():
            _refuse_unknown(before)
            command.upgrade(_config(connection), "head")
        secure_tables(connection)
        return before, newest_revision()


def check_schema(engine: Engine) -> None:
    """Check that the schema is the one of this release.

    Raises:
        SchemaMismatchError: it is older or newer.
    """
    with engine.connect() as connection:
        current = current_revision(connection)
    if current != newest_revision():
        _refuse_unknown(current)
        raise SchemaMismatchError(
            f"database: its schema is {current or 'missing'}, this release works with {newest_revision()};"
            " run: insight db upgrade"
        )


def _refuse_unknown(revision: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision and revision not in known:
        raise SchemaMismatchError(
            f"database: its schema {revision} belongs to a newer release; upgrade pytest-insight on this machine"
        )
