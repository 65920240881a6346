"""The file of a read model: what may be at its path, and what becomes of it."""

import os
import sqlite3
import stat

import pytest
from pytest_insight.projections.readmodel import model_file
from pytest_insight.projections.readmodel.model_file import open_model, remove_model, set_lock_timeout


def make_table(db: sqlite3.Connection) -> None:
    """One table, as the read model makes its own."""
    db.execute("CREATE TABLE IF NOT EXISTS t (x)")


def make_database(path) -> None:
    """A database with one row."""
    db = sqlite3.connect(path)
    make_table(db)
    db.execute("INSERT INTO t VALUES (1)")
    db.commit()
    db.close()


def link_to_database(path) -> None:
    """A link to a database elsewhere."""
    make_database(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


AT_THE_PATH = {
    # what is there: (makes it, rows that are found, whether the file is used)
    "nothing": (lambda path: None, 0, True),
    "an empty file": (lambda path: path.touch(), 0, True),
    "a database": (make_database, 1, True),
    "garbage": (lambda path: path.write_bytes(b"garbage" * 1000), 0, True),
    "a link": (link_to_database, 0, True),
    "a broken link": (lambda path: path.symlink_to("nowhere"), 0, True),
    "a pipe": (os.mkfifo, 0, True),
    "a folder": (lambda path: path.mkdir(), 0, False),
}


@pytest.mark.parametrize("name", AT_THE_PATH)
def test_a_model_can_be_opened_whatever_is_at_its_path(tmp_path, name):
    """A database keeps its rows; everything else is replaced, only a folder is left and memory used."""
    make, rows, is_used = AT_THE_PATH[name]
    path = tmp_path / "model.sqlite"
    make(path)
    db, found = open_model(path, make_table)
    assert found == (path if is_used else None)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (rows,)
    db.close()
    if is_used:
        assert stat.S_ISREG(path.lstat().st_mode)
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    else:
        assert path.is_dir()


def test_what_a_link_leads_to_is_left_as_it_is(tmp_path):
    """The link is replaced; the database that it named keeps its row and its mode."""
    path = tmp_path / "model.sqlite"
    link_to_database(path)
    (tmp_path / "elsewhere").chmod(0o644)
    open_model(path, make_table)[0].close()
    db = sqlite3.connect(tmp_path / "elsewhere")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (1,)
    db.close()
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o644


def test_a_path_that_cannot_be_used_leads_to_memory(tmp_path):
    """A file in the place of a folder of the path."""
    (tmp_path / "file").touch()
    db, found = open_model(tmp_path / "file" / "model.sqlite", make_table)
    assert found is None
    db.close()


def test_a_locked_file_leads_to_memory_after_the_wait(tmp_path, monkeypatch):
    """Another program keeps the lock while tables are to be made; the file is left as it is."""
    monkeypatch.setattr(model_file, "BUSY_WAIT_S", 0.05)
    path = tmp_path / "model.sqlite"
    make_database(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    db, found = open_model(path, make_table)
    assert found is None
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    holder.execute("ROLLBACK")
    assert holder.execute("SELECT count(*) FROM t").fetchone() == (1,)
    holder.close()
    db.close()


def test_a_model_is_removed_with_its_journals(tmp_path):
    """And nothing else of its folder; removing what is not there is no error."""
    path = tmp_path / "model.sqlite"
    for suffix in ("", "-journal", "-wal", "-shm", ".backup"):
        (tmp_path / f"model.sqlite{suffix}").touch()
    assert remove_model(path)
    assert remove_model(path)
    assert [left.name for left in tmp_path.iterdir()] == ["model.sqlite.backup"]
    path.mkdir()
    assert not remove_model(path)


def test_the_lock_timeout_is_set_in_milliseconds(tmp_path):
    """As SQLite itself reports it."""
    db, _ = open_model(None, make_table)
    for seconds, milliseconds in ((0, 0), (0.25, 250), (30.0, 30_000)):
        set_lock_timeout(db, seconds)
        assert db.execute("PRAGMA busy_timeout").fetchone() == (milliseconds,)
    db.close()
