"""A database from the past: a copy of its files, a replica that took over late. Clients send again what it lost."""

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from collector_gate import Gate
from collector_homes import Home, merged
from collectors import Collector, ThreadCollector, context_of, make_key
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.migrating import upgrade_schema
from pytest_insight.collector.database.private_server import PrivateServer
from sqlalchemy import text


class Databases:
    """Servers of PostgreSQL in folders, with one collector at a time, whose key they all know."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ""
        self.gate = Gate("")

    @contextmanager
    def running(self, name):
        """Run the server of a folder."""
        server = PrivateServer(self.folder / name)
        try:
            yield server
        finally:
            server.stop()

    @contextmanager
    def collector(self, server, tmp_path):
        """Run a collector of a server."""
        engine = open_engine(server.url)
        wait_for_recovery(engine)
        upgrade_schema(engine)
        self.key = self.key or make_key(engine)
        running = ThreadCollector(context_of(engine, tmp_path), self.key)
        self.gate.target = running.url
        try:
            yield Collector(self.gate.url, self.key, None)
        finally:
            running.stop()
            engine.dispose()


@pytest.fixture
def databases():
    """A folder that the user of PostgreSQL can enter."""
    folder = Path(tempfile.mkdtemp(prefix="insight-pg-"))
    folder.chmod(0o755)
    made = Databases(folder)
    yield made
    made.gate.shut()
    shutil.rmtree(folder, ignore_errors=True)


def wait_for_recovery(engine):
    """Wait until the database can be written."""
    with engine.connect() as connection:
        while connection.execute(text("select pg_is_in_recovery()")).scalar():
            time.sleep(0.02)


def copy_files(databases, name):
    """Copy the files of the server, which does not run."""
    subprocess.run(["cp", "-a", databases.folder / "live", databases.folder / name], check=True)


def recover_elsewhere(databases, name):
    """Let a copy become a server of its own, as a replica does that takes over, and a recovery to a point in time."""
    copy_files(databases, name)
    data = databases.folder / name / "postgres"
    (data / "recovery.signal").touch()
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'false'\n")


@pytest.mark.parametrize("make_older", [copy_files, recover_elsewhere])
def test_clients_send_again_what_an_older_database_lacks(databases, tmp_path, make_older):
    """A copy of the files has the epoch of the original, and numbers are given again; one that recovered has another."""
    first, second, third = (Home(tmp_path / name) for name in ("first", "second", "third"))
    first.record("early")
    with databases.running("live") as server, databases.collector(server, tmp_path) as collector:
        first.sync(collector)
    make_older(databases, "older")
    with databases.running("live") as server, databases.collector(server, tmp_path) as collector:
        first.record("late")
        first.sync(collector)
        second.sync(collector)
    third.record("meanwhile")
    with databases.running("older") as server, databases.collector(server, tmp_path) as collector:
        third.sync(collector)
        assert second.sync(collector)["renewed"]
        assert first.sync(collector)["renewed"]
        third.sync(collector)
        assert not second.sync(collector)["renewed"]
        export = collector.get("/api/v1/log").body
    everything = merged(tmp_path, first.log, second.log, third.log)
    assert export == everything
    assert [merged(tmp_path, home.log) for home in (first, second, third)] == [everything] * 3


@pytest.mark.parametrize("make_older", [copy_files, recover_elsewhere])
def test_a_client_that_only_sends_notices_an_older_database(databases, tmp_path, make_older):
    """Its session is in no feed that it reads; the end of the feed after its push is not known there any more."""
    first, other = Home(tmp_path / "first"), Home(tmp_path / "other")
    first.record("early")
    with databases.running("live") as server, databases.collector(server, tmp_path) as collector:
        first.sync(collector, "--push")
    make_older(databases, "older")
    with databases.running("live") as server, databases.collector(server, tmp_path) as collector:
        first.record("late")
        assert not first.sync(collector, "--push")["renewed"]
        assert not first.sync(collector, "--push")["renewed"]
    other.record("meanwhile")
    with databases.running("older") as server, databases.collector(server, tmp_path) as collector:
        other.sync(collector, "--push")
        assert first.sync(collector, "--push")["renewed"]
        assert not first.sync(collector, "--push")["renewed"]
        export = collector.get("/api/v1/log").body
    assert export == merged(tmp_path, first.log, other.log)
