"""The formats of export and import: names, recognition, and what each reads and writes."""

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest
from pytest_insight.core.exchange.csv_files import CSV_COLUMNS, csv_pieces, escape_formula
from pytest_insight.core.exchange.export import replacing
from pytest_insight.core.exchange.formats import ARCHIVE_SUFFIXES, FORMATS, IMPORT_FORMATS, format_of
from pytest_insight.core.exchange.importing import ImportReport, import_file, parse_strategy
from pytest_insight.core.exchange.incoming import nodeids_of
from pytest_insight.core.exchange.lookup import any_streams_of, candidates_of, hidden_sessions
from pytest_insight.core.exchange.sources import read_contents
from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.storage import JSONStorage
from pytest_insight.eventlog.errors import InputUnreadableError
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.eventlog.merging.staging import staging

START = datetime(2026, 11, 2, tzinfo=UTC)


def session(name: str, text: str = "") -> TestSession:
    """A session with a passed test, and a failed one with this text."""
    results = [
        TestResult("t.py::a", "passed", START, duration=0.25),
        TestResult("t.py::b", "failed", START, duration=0.5, longreprtext=text),
    ]
    return TestSession("shop", session_id=name, session_start_time=START, session_duration=1.0, test_results=results)


@pytest.mark.parametrize(
    ("name", "wanted", "form"),
    [
        ("a.json", None, "json"),
        ("a.JSONL", None, "jsonl"),
        ("a.csv", None, "csv"),
        ("a.txt", None, "jsonl"),
        ("a", None, "jsonl"),
        ("a.json", "CSV", "csv"),
    ],
)
def test_the_format_of_a_name(name, wanted, form):
    """The wanted format wins over the ending; an unknown ending is an event log."""
    assert format_of(name, wanted) == form


def test_unknown_names_are_refused_with_the_known_ones():
    """The message lists what there is."""
    with pytest.raises(ValueError, match=", ".join(FORMATS)):
        format_of("a.json", "xml")
    with pytest.raises(ValueError, match=", ".join(strategy.value for strategy in Strategy)):
        parse_strategy("newest")
    assert [parse_strategy(strategy.value) for strategy in Strategy] == list(Strategy)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cells_that_begin_like_a_formula_are_escaped(first):
    """An apostrophe in front; other cells are unchanged."""
    assert escape_formula(f"{first}1+1") == f"'{first}1+1"
    assert escape_formula(f"a{first}") == f"a{first}"
    assert escape_formula("") == ""


def test_csv_has_one_row_for_each_result():
    """A CSV reader gets back the columns, the results and a text with line breaks."""
    data = b"".join(csv_pieces([session("one", 'a "quoted"\nline'), session("two")])).decode()
    rows = list(csv.DictReader(io.StringIO(data, newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [(row["session_id"], row["nodeid"], row["outcome"]) for row in rows] == [
        (name, nodeid, outcome)
        for name in ("one", "two")
        for nodeid, outcome in (("t.py::a", "passed"), ("t.py::b", "failed"))
    ]
    assert rows[1]["longreprtext"] == 'a "quoted"\nline'
    assert rows[1]["duration"] == "0.500000"


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.csv", b"session_id", "CsvFormat"),
        ("a.jsonl", b'{"v":1,"type":"session.started"', "EventLogFormat"),
        ("a.bin", b'damaged\n{"v":1,"type":"x"', "EventLogFormat"),
        ("a.jsonl", b"", "EventLogFormat"),
        ("a.json", b"", "DocumentFormat"),
        ("a.json", b'[{"sut_name":"s"}]', "DocumentFormat"),
        ("a.jsonl", b"anything else", "DocumentFormat"),
    ],
)
def test_exactly_one_format_reads_a_file(name, head, expected):
    """The first of the table that recognizes it."""
    assert type(next(known for known in IMPORT_FORMATS if known.recognizes(name, head))).__name__ == expected


def test_the_endings_within_archives_follow_from_the_formats():
    """Each format's ending, plain and compressed; CSV is not read."""
    assert set(ARCHIVE_SUFFIXES) == {".jsonl", ".jsonl.gz", ".json", ".json.gz"}


@pytest.mark.parametrize("ending", [".json", ".json.gz", ".jsonl"])
def test_a_file_is_read_and_added_once(tmp_path, ending):
    """Every format gives the same sessions and tests; importing again adds nothing."""
    source = tmp_path / f"in{ending}"
    plain = tmp_path / f"plain{ending.removesuffix('.gz')}"
    storage = JSONStorage(tmp_path / "source.jsonl")
    storage.save_sessions([session("one", "text"), session("two")])
    storage.export_sessions(plain)
    source.write_bytes(gzip.compress(plain.read_bytes()) if ending.endswith(".gz") else plain.read_bytes())
    with staging() as stage:
        contents = read_contents(source, stage)
        assert {(one.label, one.sut) for one in contents.sessions} == {("one", "shop"), ("two", "shop")}
        assert all(nodeids_of(one) == {"t.py::a", "t.py::b"} for one in contents.sessions)
    store = SessionStore(tmp_path / "target.jsonl")
    counts = [import_file(store, source, Strategy.SKIP_EXISTING).stats for _ in range(2)]
    assert [(one["added"], one["skipped"], one["errors"]) for one in counts] == [(2, 0, 0), (0, 2, 0)]
    assert sorted(candidate.name for candidate in candidates_of(store)) == ["one", "two"]
    assert hidden_sessions(store) == []


def test_csv_is_refused(tmp_path):
    """It does not hold enough for an import; the message says what does."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"".join(csv_pieces([session("one")])))
    with staging() as stage, pytest.raises(InputUnreadableError, match="import JSON or JSON Lines"):
        read_contents(path, stage)


def test_an_unknown_session_is_an_error(tmp_path):
    """The message has the prefix that was typed."""
    store = SessionStore(tmp_path / "log.jsonl")
    with pytest.raises(LookupError, match="no session with an id or stream that begins with 'x'"):
        any_streams_of(store, ["x"])


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    """An error in the middle leaves the old content and no part of the new one."""
    path = tmp_path / "out.json"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(path) as out:
        out.write(b"half")
        raise RuntimeError
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
    with replacing(path) as out:
        out.write(b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"new"]


def test_an_empty_import_counts_nothing():
    """The counts of a report are there before anything is added."""
    assert set(ImportReport(errors=["a"]).stats.items()) >= {("total", 1), ("errors", 1), ("imported", 0)}
