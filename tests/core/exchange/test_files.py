"""Files that are written and read: exports against readers of their formats, documents, parts, and files of our own."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.exchange.csv_files import CSV_COLUMNS, csv_pieces, escape_formula
from pytest_insight.core.exchange.documents import DocumentFormat, incoming_of
from pytest_insight.core.exchange.export import converted_lines, export_to, replacing, write_sessions
from pytest_insight.core.exchange.importing import add_sessions, incoming_sessions
from pytest_insight.core.exchange.profile_info import describe
from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.core.models import TestOutcome, TestResult, TestSession
from pytest_insight.core.profiles import StorageProfile
from pytest_insight.eventlog.documents.sessions import convert_session
from pytest_insight.eventlog.errors import InputUnreadableError
from pytest_insight.eventlog.merging.staging import Staged, staging
from small_runs import scarce, scripted

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
outcomes = st.sampled_from(["passed", "failed", "skipped", "rerun", "quarantined"])


def session(name: str, results, at: int = 0) -> TestSession:
    """A session with results of `(name, outcome, text)`, a second apart."""
    start = START + timedelta(hours=at)
    made = TestSession("shop", {}, name, start, session_duration=1.0)
    for place, (test, outcome, text) in enumerate(results):
        begun = start + timedelta(seconds=place)
        made.add_test_result(
            TestResult(f"t.py::{test}", TestOutcome.named(outcome), begun, duration=place / 4, longreprtext=text)
        )
    return made


session_lists = st.lists(
    st.lists(st.tuples(st.sampled_from(["x", "=y", "z,"]), outcomes, texts), max_size=3), max_size=3
).map(lambda found: [session(f"run-{at}", results, at) for at, results in enumerate(found)])


# ------------------------------------------------------------------ writing


@scarce
@given(session_lists)
def test_csv_is_what_a_reader_of_csv_reads(sessions):
    """A row for each result under the names of its columns, cells that look like formulas with an apostrophe."""
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_pieces(sessions)).decode(), newline="")))
    expected = [(one, result) for one in sessions for result in one.test_results]
    assert len(rows) == len(expected)
    for row, (one, result) in zip(rows, expected, strict=True):
        assert tuple(row) == CSV_COLUMNS
        assert row["longreprtext"] == escape_formula(result.longreprtext)
        assert (row["session_id"], row["nodeid"], row["outcome"]) == (
            one.session_id,
            result.nodeid,
            str(result.outcome),
        )
        assert float(row["duration"]) == result.duration
        assert datetime.fromisoformat(row["start_time"]) == result.start_time


@scarce
@given(session_lists)
def test_json_is_a_list_of_sessions_and_leaves_the_callers_sessions_alone(sessions):
    """Each as its plain data; copies are filled, so that nothing grows, and progress counts up to all of them."""
    out, filled, steps = io.BytesIO(), [], []
    write_sessions(out, sessions, "json", filled.append, lambda done, total: steps.append((done, total)))
    assert json.loads(out.getvalue()) == [one.to_dict() for one in sessions]
    assert all(copy is not one for copy, one in zip(filled, sessions, strict=True))
    assert steps[-1] == (len(sessions), len(sessions))


@scarce
@given(session_lists)
def test_sessions_that_are_converted_are_added_and_exported_again(sessions):
    """Into a store, out of it in every format, and into another one that has the same sessions."""
    store, other = SessionStore(None), SessionStore(None)
    add_sessions(store, incoming_sessions(sessions))
    names = [one.session_id for one in sessions]
    assert [one.session_id for one in store.sessions()] == names
    out = io.BytesIO()
    export_to(store, out, names, "jsonl")
    assert out.getvalue() == converted_lines(sessions)
    with staging() as stage:
        (stage.folder / "x.json").write_text(json.dumps([one.to_dict() for one in sessions]))
        read = DocumentFormat().read(Staged("x.json", stage.folder / "x.json"), stage, only=True)
        assert read.errors == []
        add_sessions(other, read.sessions)
    loaded = [[(r.nodeid, str(r.outcome), r.longreprtext) for r in one.test_results] for one in other.sessions()]
    assert loaded == [[(r.nodeid, str(r.outcome), r.longreprtext) for r in one.test_results] for one in sessions]


def test_only_the_sessions_that_are_named_are_exported():
    """Unknown names are no sessions; without any the list is empty."""
    store = SessionStore(None)
    add_sessions(store, incoming_sessions([session(name, [("x", "passed", "")], at) for at, name in enumerate("abc")]))
    for names, expected in ((["c", "a", "none"], ["a", "c"]), ([], [])):
        out = io.BytesIO()
        export_to(store, out, names, "json")
        assert [one["session_id"] for one in json.loads(out.getvalue())] == expected


# ------------------------------------------------------------------ documents


@pytest.mark.parametrize(
    ("content", "sessions", "errors"),
    [
        ([session("a", []).to_dict()], 1, []),
        ({"sessions": [session("a", []).to_dict()]}, 1, []),
        ([session("a", []).to_dict(), {"session_id": "b"}, 5], 1, ["session 2 of 3", "session 3 of 3"]),
        ([], 0, []),
    ],
)
def test_a_document_gives_its_sessions_and_names_the_entries_that_are_none(content, sessions, errors):
    """The others are read all the same."""
    with staging() as stage:
        path = stage.folder / "in.json"
        path.write_text(json.dumps(content))
        found = DocumentFormat().read(Staged("in.json", path), stage, only=False)
    assert len(found.sessions) == sessions
    assert [error.split(": ")[:2] for error in found.errors] == [["in.json", place] for place in errors]


def test_a_document_that_cannot_be_read_is_an_error_if_it_is_the_only_input():
    """Among others it is one message."""
    with staging() as stage:
        path = stage.folder / "in.json"
        path.write_text("{")
        with pytest.raises(InputUnreadableError, match=r"^in\.json: "):
            DocumentFormat().read(Staged("in.json", path), stage, only=True)
        found = DocumentFormat().read(Staged("in.json", path), stage, only=False)
        assert (found.sessions, len(found.errors)) == ([], 1)
    assert DocumentFormat().recognizes("anything", b"")


def test_a_converted_session_is_known_by_its_content():
    """Its stream is a digest: the same content is the same stream, other content another."""
    one, same, other = (session("a", [("x", outcome, "")]).to_dict() for outcome in ("passed", "passed", "failed"))
    made = [incoming_of(convert_session(data), "in.json") for data in (one, same, other)]
    assert made[0].stream == made[1].stream != made[2].stream
    lines = b"".join(made[0].read()).splitlines(keepends=True)
    assert (made[0].events, made[0].last_seq, made[0].size_bytes) == (len(lines), len(lines) - 1, len(b"".join(lines)))
    assert (made[0].label, made[0].sut, made[0].origin, made[0].document) == ("a", "shop", "in.json", True)


# ------------------------------------------------------------------ replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    """An error leaves the old file and no part of the new one."""
    path = tmp_path / "out.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as out:
        out.write(b"half")
        assert path.read_text() == "old"
        1 / 0  # noqa: B018 - any error
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]
    with replacing(path) as out:
        out.write(b"new")
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("new", 1)


# ------------------------------------------------------------------ files of our own


def test_a_profile_is_described_by_its_log(tmp_path):
    """Sessions, the last start and the size; a log that cannot be read is a problem, memory has no size."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(scripted("a", 1) + scripted("b", 2))
    found = describe(StorageProfile("shop", "json", str(log)), "shop")
    assert (found.active, found.sessions, found.size_bytes, found.problem) == (True, 2, log.stat().st_size, "")
    assert found.last_us is not None
    none = describe(StorageProfile("none", "json", str(tmp_path / "none.jsonl")), "shop")
    assert (none.active, none.sessions, none.last_us, none.size_bytes) == (False, 0, None, 0)
    memory = describe(StorageProfile("m", "memory", None), "shop")
    assert (memory.sessions, memory.size_bytes, memory.problem) == (None, 0, "")
    (tmp_path / "folder.jsonl").mkdir()
    broken = describe(StorageProfile("b", "json", str(tmp_path / "folder.jsonl")), "shop")
    assert (broken.sessions, bool(broken.problem)) == (None, True)
