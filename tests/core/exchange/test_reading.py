"""Sessions out of documents and event logs, and what profiles hold: what is read, and what is said of the rest."""

import json
import re
from types import SimpleNamespace

import pytest
from examples import examples
from histories import write_session
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.exchange.documents import DocumentFormat
from pytest_insight.core.exchange.event_logs import EventLogFormat, read_log
from pytest_insight.core.exchange.incoming import nodeids_of
from pytest_insight.core.exchange.profile_info import describe, profiles_with
from pytest_insight.core.profiles import StorageProfile, create_profile
from pytest_insight.eventlog.errors import InputUnreadableError
from pytest_insight.eventlog.merging.staging import staging
from pytest_insight.eventlog.sources import LogSource

DOCUMENT = {"sut_name": "shop", "session_id": "s", "session_start_time": "2026-11-02T10:00:00Z", "session_duration": 1}


def read_document(path, content, *, only=True):
    """Return the contents of a document."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with staging() as stage:
        return DocumentFormat().read(SimpleNamespace(path=path, name=path.name), stage, only=only)


def read_lines(path, data):
    """Return the sessions of an event log with their lines, and the errors."""
    path.write_bytes(data)
    with staging() as stage:
        log = read_log(path.name, [LogSource(path)], stage)
        return [(one, b"".join(one.read())) for one in log.sessions], log.errors


# ------------------------------------------------------------------ documents


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"sessions": [one]}])
def test_a_document_is_one_session_a_list_or_an_object_with_a_list(tmp_path, wrap):
    """The same session each time: its stream is a digest of its content."""
    (one,) = read_document(tmp_path / "a.json", wrap(DOCUMENT)).sessions
    (again,) = read_document(tmp_path / "b.json", [DOCUMENT]).sessions
    assert (one.label, one.sut, one.document, one.origin) == ("s", "shop", True, "a.json")
    assert (one.stream, b"".join(one.read())) == (again.stream, b"".join(again.read()))
    assert one.events == one.last_seq + 1 == b"".join(one.read()).count(b"\n")
    assert one.size_bytes == len(b"".join(one.read()))


def test_a_session_that_cannot_be_read_costs_only_itself(tmp_path):
    """The error says which of how many."""
    found = read_document(tmp_path / "a.json", [DOCUMENT, {"sut_name": 5}, DOCUMENT | {"session_id": "t"}])
    assert [one.label for one in found.sessions] == ["s", "t"]
    assert [error.split(":")[:2] for error in found.errors] == [["a.json", " session 2 of 3"]]


@pytest.mark.parametrize("content", ["{", "5", '"text"', "", "\x00"])
def test_what_is_no_document_is_refused_if_it_is_the_only_input(tmp_path, content):
    """One of several files is an error among others."""
    with pytest.raises(InputUnreadableError, match=r"^a\.json: "):
        read_document(tmp_path / "a.json", content)
    found = read_document(tmp_path / "a.json", content, only=False)
    assert (found.sessions, len(found.errors)) == ([], 1)


# ------------------------------------------------------------------ event logs


@pytest.mark.parametrize(
    ("name", "head", "is_log"),
    [
        ("a.jsonl", b"", True),
        ("a", b"", True),
        ("a.json", b"", False),
        ("a.json.gz", b"", False),
        ("a.json", b'{"v":1,"type":"x"', True),
        ("a.jsonl", b'garbage\n{"v":1,"type":"x"', True),
        ("a.jsonl", b'[{"v":1,"type":"x"', False),
    ],
)
def test_an_event_log_is_known_by_the_beginning_of_a_line(name, head, is_log):
    """Its name decides only for an empty file."""
    assert EventLogFormat().recognizes(name, head) is is_log


@settings(max_examples=examples(25))
@given(st.permutations(range(3)), st.data())
def test_a_log_in_any_order_of_its_lines_has_the_same_sessions(tmp_path_factory, order, data):
    """Sessions one after the other, or their lines mixed, whole or without some: each has its lines in order of `seq`."""
    sessions = [
        write_session(f"s{n}", n, [("t.py::a", "passed"), ("t.py::b", "failed")], sut=f"sut{n}") for n in range(3)
    ]
    lines = [session.splitlines(keepends=True) for session in sessions]
    cut = data.draw(st.integers(1, len(lines[0])))
    lines[0] = lines[0][:cut]
    if data.draw(st.booleans()):
        mixed = b"".join(line for row in zip(*(lines[n][:1] for n in order), strict=True) for line in row)
        mixed += b"".join(b"".join(lines[n][1:]) for n in order)
    else:
        mixed = b"".join(b"".join(lines[n]) for n in order)
    found, errors = read_lines(tmp_path_factory.mktemp("log") / "log.jsonl", mixed)
    assert errors == []
    by_label = {one.label: (one, content) for one, content in found}
    assert sorted(by_label) == ["s0", "s1", "s2"]
    for number in range(3):
        one, content = by_label[f"s{number}"]
        assert content == b"".join(lines[number])
        assert (one.sut, one.events, one.last_seq) == (f"sut{number}", len(lines[number]), len(lines[number]) - 1)
    assert nodeids_of(by_label["s1"][0]) == {"t.py::a", "t.py::b"}


def test_a_damaged_line_is_an_error_and_costs_no_other_session(tmp_path):
    """The message names the log; a session given twice is one."""
    good, bad = write_session("good", 0, [("a", "passed")]), write_session("bad", 1, [("a", "passed")])
    damaged = bad.replace(b'"outcome":"passed"', b'"outcome":"failed"')
    found, errors = read_lines(tmp_path / "log.jsonl", good + damaged + good)
    assert [(one.label, content) for one, content in found if one.label == "good"] == [("good", good)]
    assert errors
    assert all("log.jsonl" in error for error in errors)


# ------------------------------------------------------------------ profiles


def test_a_profile_is_described_by_its_log(private_home, tmp_path):
    """Number of sessions, start of the last, size; without a log nothing is in it, and in memory nothing is known."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("s1", 0, [("a", "passed")]) + write_session("s2", 1, [("a", "passed")]))
    found = describe(StorageProfile("shop", "json", str(log)), "shop")
    assert (found.sessions, found.active, found.size_bytes, found.problem) == (2, True, log.stat().st_size, "")
    assert found.last_us
    new = describe(StorageProfile("new", "json", str(tmp_path / "none.jsonl")), "shop")
    assert (new.sessions, new.last_us, new.active, new.size_bytes) == (0, None, False, 0)
    assert describe(StorageProfile("memory", "memory"), "shop").sessions is None
    broken = describe(StorageProfile("broken", "json", str(tmp_path)), "shop")
    assert broken.sessions is None
    assert broken.problem


def test_profiles_that_hold_a_text_or_a_session_are_found(private_home, tmp_path):
    """Other than the log that was purged; one without a log is passed over."""
    texts = {"one": "s1", "two": "s2", "three": "s3"}
    for name, session in texts.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(write_session(session, 0, [(f"secret_{name}", "passed")]))
        create_profile(name, file_path=path)
    create_profile("empty", file_path=tmp_path / "empty.jsonl")
    found = lambda pattern, but: profiles_with(frozenset(), re.compile(pattern), tmp_path / but)
    assert found("secret_two", "one.jsonl") == ["two"]
    assert found("secret_two", "two.jsonl") == []
    assert sorted(found("secret_t", "one.jsonl")) == ["three", "two"]
    assert found("nothing", "one.jsonl") == []
