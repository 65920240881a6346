"""Failures grouped by what they say: what is taken out of a message, and which message counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.clusters import (
    CUT,
    DIED,
    MESSAGE_MAX,
    failure_clusters,
    message_of,
    normalise_message,
)
from pytest_insight.eventlog.events import Cause
from small_histories import make_run, make_test


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("at 2026-01-02T10:00:00.123Z", "at <time>"),
        ("at 2026-01-02 10:00+02:00 x", "at <time> x"),
        ("id 123e4567-E89B-12d3-a456-426614174000", "id <uuid>"),
        ("<Object at 0x7fA1>", "<Object at <hex>>"),
        ("10.0.0.1:8080 refused", "<address> refused"),
        ("commit 0123456789ab", "commit <hex>"),
        ("commit 0123456789a", "commit 0123456789a"),
        ("open /tmp/run-1/x.txt failed", "open <path> failed"),
        ("open /tmp failed", "open /tmp failed"),
        ("took 15 ms of 2.5s", "took <duration> of <duration>"),
        ("assert 500 == 200.5", "assert <n> == <n>"),
        ("test_7 is a name", "test_7 is a name"),
        ("  many \n lines\t", "many lines"),
    ],
)
def test_what_differs_from_run_to_run_is_taken_out(message, normal):
    """Each kind alone; what has a number in its name keeps it."""
    assert normalise_message(message) == normal


@given(st.text("0123456789abcx-:./T sm", max_size=60))
def test_a_message_without_what_differs_stays_as_it_is(text):
    """Taking out twice is taking out once, and nothing is longer than the limit."""
    once = normalise_message(text)
    assert normalise_message(once) == once
    assert len(normalise_message("word " * 200)) == MESSAGE_MAX


@pytest.mark.parametrize(
    ("text", "cause", "message"),
    [
        ("E   first\nE   second", None, "first"),
        ("E   in the text", Cause(message="of the cause\nmore"), "of the cause"),
        ("E   in the text", Cause(message=""), "in the text"),
        ("one\ntwo\n", None, "two"),
        ("Error: no mark", None, "Error: no mark"),
        ("", None, ""),
    ],
)
def test_the_message_of_a_failure_is_that_of_its_cause_or_the_first_marked_line(text, cause, message):
    """Else the last line."""
    assert message_of(text, cause) == message


def test_failures_are_grouped_by_message_the_most_frequent_first():
    """A dead worker and a killed session have no message of their own; equal counts are in order of the message."""
    dead = make_test("F", position=5)._replace(verdict="crashed")
    tests = [("a", "F"), ("b", "F"), ("c", "F"), ("d", "C"), ("f", "F"), ("g", "F")]
    run = make_run(1, " ".join(f"{name}={letter}" for name, letter in tests))
    failures = [(nodeid, run, test) for nodeid, test in run.tests.items()] + [("e", run, dead)]
    texts = {
        "t.py::a": "port 1 is taken",
        "t.py::b": "port 2 is taken",
        "t.py::c": "",
        "e": "ignored",
        "t.py::d": "ignored",
        "t.py::g": "alone",
    }
    found = failure_clusters(failures, {(run.stream, nodeid): text for nodeid, text in texts.items()})
    assert [(one.message, one.count, one.tests) for one in found] == [
        ("(no message)", 2, ["t.py::c", "t.py::f"]),
        ("port <n> is taken", 2, ["t.py::a", "t.py::b"]),
        ("alone", 1, ["t.py::g"]),
        (CUT, 1, ["t.py::d"]),
        (DIED, 1, ["e"]),
    ]
    assert [len(one.evidence) for one in found] == [2, 2, 1, 1, 1]
