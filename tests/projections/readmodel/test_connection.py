"""The connection of a read model: transactions, replaced files, and the way into memory."""

import sqlite3

import pytest
from pytest_insight.projections.readmodel.connection import ModelConnection, is_environment_error
from pytest_insight.projections.readmodel.schema import SCHEMA


@pytest.fixture
def path(tmp_path):
    """File of a model in a folder that does not exist yet."""
    return tmp_path / "models" / "model.sqlite"


@pytest.fixture
def connection(path):
    """A connection to a new file."""
    found = ModelConnection(path)
    yield found
    found.close()


def values_in(path) -> list[str]:
    """The node ids in a file, read by SQLite alone."""
    with sqlite3.connect(path) as db:
        found = [name for (name,) in db.execute("SELECT nodeid FROM nodes ORDER BY id")]
    db.close()
    return found


def test_a_new_file_has_the_tables_of_the_schema(connection, path):
    """All of them, empty, and it counts as one of this release."""
    tables = {line.split()[2] for line in SCHEMA.splitlines() if line.startswith("CREATE TABLE")}
    found = {name for (name,) in connection.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert found == tables
    assert connection.is_of_this_release()
    assert connection.path == path


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_transaction_writes_all_or_nothing(connection, path, kind):
    """Another connection sees what a block wrote, and nothing of a block that raised."""
    with connection.transaction(kind):
        connection.db.execute("INSERT INTO nodes VALUES (0, 'kept')")
    with pytest.raises(ZeroDivisionError), connection.transaction(kind):
        connection.db.execute("INSERT INTO nodes VALUES (1, 'lost')")
        raise ZeroDivisionError
    assert values_in(path) == ["kept"]
    assert not connection.db.in_transaction


def test_a_transaction_that_sqlite_has_ended_raises_its_error(connection):
    """On a full disk SQLite rolls back by itself; the error of the block is not replaced by one of the rollback."""
    with pytest.raises(ZeroDivisionError), connection.transaction():
        connection.db.execute("ROLLBACK")
        raise ZeroDivisionError


@pytest.mark.parametrize(("key", "value"), [("schema", "0"), ("rules", "0"), ("schema", ""), ("rules", None)])
def test_a_file_of_another_release_is_recognized(connection, key, value):
    """By either version, and if there is none."""
    if value is None:
        connection.db.execute("DELETE FROM meta WHERE key = ?", (key,))
    else:
        connection.db.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
    assert not connection.is_of_this_release()
    assert connection.read_meta(key) == (value or "")


def test_recreated_tables_are_empty_and_those_of_another_release_are_gone(connection):
    """Nothing is left of what was there."""
    connection.db.execute("CREATE TABLE foreign_table (x)")
    connection.db.execute("INSERT INTO nodes VALUES (0, 'x')")
    connection.db.execute("UPDATE meta SET value = '0'")
    before = connection.generation
    with connection.transaction("EXCLUSIVE"):
        connection.recreate_tables()
    names = {name for (name,) in connection.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "foreign_table" not in names
    assert connection.db.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
    assert connection.is_of_this_release()
    assert connection.generation > before


@pytest.mark.parametrize("change", ["replaced", "removed", "kept"])
def test_a_replaced_file_is_opened_again(connection, path, change):
    """A file under the same name that is another one, or none, is followed; the same one is kept open."""
    other = ModelConnection(path.with_name("other.sqlite"))
    other.db.execute("INSERT INTO nodes VALUES (0, 'of the other')")
    other.close()
    db, before = connection.db, connection.generation
    if change == "replaced":
        path.with_name("other.sqlite").replace(path)
    elif change == "removed":
        path.unlink()
    connection.reopen_if_replaced()
    assert (connection.db is db, connection.generation == before) == ((change == "kept"),) * 2
    assert values_in(path) == (["of the other"] if change == "replaced" else [])


def test_memory_takes_the_place_of_a_file_and_leaves_it_as_it_is(connection, path):
    """The model in memory is empty; the file keeps its contents."""
    connection.db.execute("INSERT INTO nodes VALUES (0, 'x')")
    before = connection.generation
    connection.switch_to_memory()
    assert connection.path is None
    assert connection.db.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
    assert connection.generation > before
    assert values_in(path) == ["x"]
    connection.reopen_if_replaced()
    assert connection.path is None


def test_a_damaged_file_is_replaced_by_an_empty_one(connection, path):
    """It is a database again, at the same path."""
    connection.db.execute("INSERT INTO nodes VALUES (0, 'x')")
    path.write_bytes(b"garbage" * 1000)
    connection.replace_file()
    assert connection.path == path
    assert values_in(path) == []


def test_a_file_that_cannot_be_removed_is_replaced_by_memory(connection, path):
    """A folder under the name of a journal cannot be unlinked by any user."""
    path.with_name(path.name + "-wal").mkdir()
    path.write_bytes(b"garbage" * 1000)
    connection.replace_file()
    assert connection.db.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
    assert connection.path is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.OperationalError("database or disk is full"), True),
        (sqlite3.OperationalError("disk I/O error"), True),
        (sqlite3.OperationalError("attempt to write a readonly database"), True),
        (sqlite3.OperationalError("database is locked"), True),
        (sqlite3.OperationalError("no such table: sessions"), False),
        (sqlite3.OperationalError("no such column: flaky"), False),
        (sqlite3.DatabaseError("file is not a database"), False),
        (sqlite3.DatabaseError("database disk image is malformed"), False),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), False),
    ],
    ids=str,
)
def test_errors_of_the_environment_are_told_from_those_of_the_contents(error, expected):
    """Only the latter are answered by a new file."""
    assert is_environment_error(error) is expected
