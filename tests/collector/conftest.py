"""A PostgreSQL server for all tests of the room, a database for each test, collectors on free ports."""

import itertools
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from collectors import ThreadCollector, context_of, make_key, start_collector
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.migrating import upgrade_schema
from pytest_insight.collector.database.private_server import PrivateServer

numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL server with the settings of production; run by root, it changes to a user who sees its folder."""
    folder = Path(tempfile.mkdtemp(prefix="insight-pg-"))
    folder.chmod(0o755)
    server = PrivateServer(folder)
    engine = open_engine(_named(server.url, _make(server.url, "template_insight", "template0")))
    upgrade_schema(engine)
    engine.dispose()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _make(url, name, template):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    return name


def _named(url, name):
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def open_folder():
    """A folder that another user can reach: PostgreSQL is not run by root, and pytest's own folders are private."""
    folder = Path(tempfile.mkdtemp(prefix="insight-pg-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres):
    """URL of a database with the schema and nothing in it."""
    name = _make(postgres.url, f"test_{next(numbers)}", "template_insight")
    yield _named(postgres.url, name)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def empty(postgres):
    """URL of a database without a schema."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create database empty template template0")
    yield postgres.url.replace("/postgres?", "/empty?")
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("drop database empty with (force)")


@pytest.fixture
def engine(database):
    """Engine of the database of the test."""
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def collector(database, tmp_path):
    """A running collector with an empty database."""
    running = start_collector(tmp_path, database=database)
    yield running
    running.stop()


@pytest.fixture
def served(engine, tmp_path):
    """The application in a thread of the test, with an empty database."""
    running = ThreadCollector(context_of(engine, tmp_path), make_key(engine))
    yield running
    running.stop()
