"""A PostgreSQL server for all tests of the room, a database for each test, collectors on free ports."""

import itertools
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from collector_buckets import FolderBucket
from collector_gate import Gate
from collectors import Collector, ThreadCollector, context_of, make_key, start_collector
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


@pytest.fixture
def bucket(tmp_path):
    """A folder as a bucket."""
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def placed(engine, bucket, tmp_path):
    """The application in a thread of the test, with an empty database and a bucket."""
    bucket.attach(engine)
    running = ThreadCollector(context_of(engine, tmp_path), make_key(engine))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared(postgres, tmp_path_factory):
    """One collector for all tests of a module, each with a team of its own."""
    name = _make(postgres.url, f"test_{next(numbers)}", "template_insight")
    engine = open_engine(_named(postgres.url, name))
    running = ThreadCollector(context_of(engine, tmp_path_factory.mktemp("collector")), make_key(engine))
    running.context.keys.recent.cache_s = 0.1
    yield running
    running.stop()
    engine.dispose()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def gate(shared):
    """A way to the collector of the module that can be shut."""
    made = Gate(shared.url)
    yield made
    if made.is_open:
        made.shut()


@pytest.fixture
def team(shared, gate):
    """The collector of the module behind a gate, with the admin key of a new team."""
    return Collector(gate.url, make_key(shared.context.engine, team=f"team{next(numbers)}"), None)
