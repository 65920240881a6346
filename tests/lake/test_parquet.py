"""`insight export --as parquet`: sessions, results and attempts by day and system, read by DuckDB and pyarrow."""

import json
import sys
from datetime import timedelta

import duckdb
import pyarrow.dataset as ds
import pytest
from histories import all_of, write_session
from lake_logs import OCTOBER, SECRET, failing, slow_results, three_months

TABLES = ("sessions", "results", "attempts")


@pytest.fixture
def exported(home):
    """Return a function that exports, and returns what is printed as JSON."""
    return lambda *words: json.loads(
        home.here("export", home.folder / "out", "--as", "parquet", "--json", *words).stdout
    )


def read(home, name):
    """Return the rows of a table as DuckDB reads them."""
    files = f"{home.folder}/out/{name}/*/*/*.parquet"
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{files}', hive_partitioning = true)").fetchall()
    names = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{files}', hive_partitioning = true)").fetchall()
    return [dict(zip([name for name, *_ in names], row, strict=True)) for row in rows]


def test_results_are_those_of_a_slow_fold_of_the_log(home, exported):
    """Also the names of systems that are no names of folders; days and systems are columns."""
    assert len(exported()["sessions"]) == 18
    found = {
        (row["session_id"], row["nodeid"]): (
            str(row["day"])[:7], row["sut"], row["kind"], row["verdict"], tuple(row["outcomes"]), row["duration_s"]
        )
        for row in read(home, "results")
    }  # fmt: skip
    assert found == slow_results(three_months())
    assert {sut for _, sut, *_ in found.values()} == {"shop", "shöp/2"}


def test_pyarrow_reads_the_same_rows(home, exported):
    """With the names of the folders as columns."""
    exported()
    for name in TABLES:
        table = ds.dataset(home.folder / "out" / name, partitioning="hive").to_table()
        ours = sorted((row["sut"], row["session_id"], str(row.get("nodeid"))) for row in read(home, name))
        assert ours == sorted((row["sut"], row["session_id"], str(row.get("nodeid"))) for row in table.to_pylist())
        assert len(table) > 0


def test_sessions_and_attempts_are_those_of_the_command_line(home, exported):
    """`insight sql` counts the same, with retries one by one and what they say."""
    exported()
    names = ["session_id", "sut", "nodeid", "attempt", "outcome", "duration_s", "worker"]
    rows = json.loads(home.here("sql", f"SELECT {', '.join(names)} FROM results", "--json").stdout)
    attempts = read(home, "attempts")
    assert sorted(tuple(row[name] for name in names) for row in attempts) == sorted(tuple(row.values()) for row in rows)
    assert {row["message"] for row in attempts if row["outcome"] in ("failed", "rerun")} == {"RuntimeError: db down"}
    assert {row["message"] for row in attempts if row["outcome"] == "passed"} == {None}
    names = ["session_id", "status", "tests", "failed", "python", "commit_id", "missing"]
    rows = json.loads(home.here("sql", f"SELECT {', '.join(names)} FROM sessions", "--json").stdout)
    found = sorted(tuple(row[name] for name in names) for row in read(home, "sessions"))
    assert found == sorted(tuple(row.values()) for row in rows)


def test_an_export_again_replaces_a_day_as_a_whole(home, exported):
    """A session that was purged leaves its day; other days and files of others stay as they are."""
    home.log.write_bytes(three_months() + failing("s-canary", OCTOBER, SECRET))
    exported()
    notes = home.folder / "out" / "results" / "day=2024-10-07" / "notes.txt"
    other = home.folder / "out" / "results" / "README"
    for path in (notes, other):
        path.write_text("by hand")
    home.here("log", "purge", "--session", "s-canary", "--force")
    late = write_session("late", 0, all_of("passed"), start=OCTOBER + timedelta(hours=1))
    home.log.write_bytes(home.log.read_bytes() + late)
    exported()
    found = {(row["session_id"], row["nodeid"]) for row in read(home, "results")}
    assert found == set(slow_results(three_months() + late))
    assert (notes.exists(), other.exists()) == (False, True)
    assert [path.name for path in (home.folder / "out").iterdir() if path.name.startswith(".")] == []


def test_filters_choose_the_days_that_are_written(home, exported):
    """A day is written with the sessions that are chosen."""
    assert exported("--session", "s5")["sessions"] == ["s5"]
    assert {row["session_id"] for row in read(home, "results")} == {"s5"}
    assert len(exported("--sut", "shöp/2")["sessions"]) == 3
    assert {row["sut"] for row in read(home, "attempts")} == {"shop", "shöp/2"}


def test_an_export_that_breaks_off_leaves_the_day_as_it_was(home, exported, monkeypatch):
    """Files take their places when all of a day are written."""
    exported()
    before = {path: path.read_bytes() for path in (home.folder / "out").rglob("*.parquet")}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_insight.lake.parquet._attempt_batches", fail)
    result = home.here("export", home.folder / "out", "--as", "parquet", check=False)
    assert (result.returncode, "No space left" in result.stderr) == (3, True)
    assert {path: path.read_bytes() for path in (home.folder / "out").rglob("*") if path.is_file()} == before


def test_a_place_that_is_no_folder_and_a_missing_library_are_told(home, monkeypatch):
    """Before any session is read."""
    for place in ("-", home.log):
        result = home.here("export", place, "--as", "parquet", check=False)
        assert (result.returncode, "into a folder" in result.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = home.here("export", home.folder / "out", "--as", "parquet", check=False)
    assert (result.returncode, "pip install 'pytest-insight[parquet]'" in result.stderr) == (3, True)
