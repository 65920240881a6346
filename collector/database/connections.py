"""Engine of the database."""

import re
from typing import Final

from sqlalchemy import Engine, create_engine

from ..bodies.attaching import open_bodies
from .row_security import guard_rows

POOL_SIZE: Final = 20
CONNECT_S: Final = 5
_DRIVER = "postgresql+psycopg://"


def open_engine(url: str, pool_size: int = POOL_SIZE, segments: str = "") -> Engine:
    """Return the engine of a database; nothing is connected yet.

    Args:
        url: `postgresql://...`, as PostgreSQL's own programs take it.
        pool_size: largest number of connections.
        segments: URL of the bucket with the bodies of segments; empty without one.

    Raises:
        ValueError: the URL is not one of PostgreSQL.
        RemoteAddressError: the URL of the bucket cannot be used.
        FileNotFoundError: the extra `bucket` is not installed.
    """
    plain, count = re.subn(r"^(postgresql(\+psycopg)?|postgres)://", _DRIVER, url)
    if not count:
        raise ValueError("database URL: only PostgreSQL is supported; it begins with postgresql://")
    arguments = {"connect_timeout": CONNECT_S, "application_name": "pytest-insight"}
    engine = guard_rows(
        # Errors do not name the values of a statement: they are lines of logs.
        create_engine(
            plain, pool_size=pool_size, max_overflow=0, pool_timeout=10, connect_args=arguments, hide_parameters=True
        )
    )
    if segments:
        open_bodies(engine, segments)
    return engine
