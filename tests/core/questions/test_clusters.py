"""What failures say: texts that differ only from run to run are one cluster, others are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.verdicts.reading import run_of_row
from pytest_insight.core.questions.clusters import (
    CUT,
    DIED,
    MESSAGE_MAX,
    collection_messages,
    failure_clusters,
    message_of,
    normalise_message,
    record_of,
)
from pytest_insight.core.questions.evidence import occurrence
from pytest_insight.core.questions.phases import LongestRun, longest_runs
from pytest_insight.eventlog.events import Cause
from small_runs import few, make_run, make_test, model_of, scripted

CAUSES = {"message": Cause(message="1 == 2\nmore"), "empty": Cause()}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("took 12 ms", "took <duration>"),
        ("took 1.5s", "took <duration>"),
        ("12 items", "<n> items"),
        ("at 2026-11-28T14:31:15Z", "at <time>"),
        ("at 2026-11-28 14:31", "at <time>"),
        ("at 2026-11-28T14:31:15.123+01:00 in", "at <time> in"),
        ("<Foo object at 0x7F01ab>", "<Foo object at <hex>>"),
        ("commit 0123456789ab", "commit <hex>"),
        ("commit 0123456789a", "commit 0123456789a"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id <uuid>"),
        ("10.0.0.1:5432 refused", "<address> refused"),
        ("no /srv/a/b.py", "no <path>"),
        ("no /srv", "no /srv"),
        ("v2 of test_3", "v2 of test_3"),
        ("3.14 is not 3", "<n> is not <n>"),
        ("two\n  lines\tand  gaps", "two lines and gaps"),
        ("", ""),
    ],
)
def test_what_differs_from_run_to_run_is_taken_out(message, expected):
    """Times, ids, addresses, paths, durations and numbers; parts of names stay."""
    assert normalise_message(message) == expected


@few
@given(st.text(alphabet="ab 0123:./-xZT\n", max_size=60))
def test_a_message_without_its_variable_parts_is_short_and_on_one_line(text):
    """No line break, no double blank, no number of its own, and no more than the limit."""
    found = normalise_message(text)
    assert found == " ".join(found.split())
    assert not any(word.isdigit() for word in found.split())
    assert len(normalise_message("word " * 100)) == MESSAGE_MAX


@pytest.mark.parametrize(
    ("text", "cause", "expected"),
    [
        ("E   other", "message", "1 == 2"),
        ("x\nE   first\nE   second\nt.py:1: Error", "empty", "first"),
        ("x\nE   first\nE   second\nt.py:1: Error", None, "first"),
        ("Traceback\nlast line\n", None, "last line"),
        ("", None, ""),
    ],
)
def test_a_failure_says_its_exception_else_the_line_that_pytest_marks(text, cause, expected):
    """The first line of the message; without both, the last line of the text."""
    assert message_of(text, CAUSES.get(cause)) == expected


# ------------------------------------------------------------------ clusters


def test_failures_with_one_message_are_one_cluster():
    """The most frequent first, then by message; each test once, each run as evidence."""
    runs = [make_run(at, {"a": make_test("F", position=at), "b": make_test("F", position=9 + at)}) for at in range(3)]
    failures = [(nodeid, run, run.tests[nodeid]) for run in runs for nodeid in ("a", "b")]
    says = {"a": "took {} ms", "b": "no such table"}
    messages = {(run.stream, nodeid): text.format(at) for at, run in enumerate(runs) for nodeid, text in says.items()}
    found = failure_clusters(failures[1:], messages)
    assert [(one.message, one.count, one.tests) for one in found] == [
        ("no such table", 3, ["b"]),
        ("took <duration>", 2, ["a"]),
    ]
    assert found[0].evidence == [occurrence(run, run.tests["b"]) for run in runs]


@pytest.mark.parametrize(
    ("letter", "position", "expected"),
    [("!", 5, DIED), ("!", -1, CUT), ("F", 5, "(no message)"), ("E", -1, "(no message)")],
)
def test_a_failure_without_a_message_says_how_it_ended(letter, position, expected):
    """A process that died in a recorded attempt, a test that was running at the end, or nothing known."""
    run = make_run(1, {"t": make_test(letter, position=position)})
    assert [one.message for one in failure_clusters([("t", run, run.tests["t"])], {})] == [expected]


# ------------------------------------------------------------------ with events


def test_the_event_of_a_run_is_the_last_that_tells_of_it():
    """Of a result its own event; of a test that never ended its start; of a module its error in collection."""
    with model_of(scripted("one", 1, "P-", seal=False), scripted("two", 2, "F", uncollected=["m.py"])) as model:
        two, one = (run_of_row(model, row) for row in model.sessions())

        def type_of(run, nodeid, test):
            record = record_of(model, occurrence(run, test), nodeid)
            return record and record.envelope.type

        assert type_of(one, "t.py::0", one.tests["t.py::0"]) == "test.finished"
        assert type_of(one, "t.py::1", one.tests["t.py::1"]) == "test.started"
        assert type_of(two, "m.py", make_test("E")) == "collection.failed"
        assert type_of(two, "no such", make_test("E")) is None
        assert type_of(make_run(9, {}), "t.py::0", make_test("E")) is None
        assert collection_messages(model, two.stream) == {(two.stream, "m.py"): "ImportError: no module for m.py"}
        assert collection_messages(model, one.stream) == collection_messages(model, "none") == {}


def test_the_longest_run_of_a_test_is_told_by_phase():
    """Set-up and call of the session in which both took longest; a test without an event has none."""
    from histories import write_session

    lines = [
        write_session("fast", 1, [("t", "passed", 10, 20), ("u", "passed", 5, 0)]),
        write_session("slow", 2, [("t", "passed", 30, 500), ("u", None)], seal=False),
    ]
    with model_of(*lines) as model:
        runs = [run_of_row(model, row) for row in reversed(model.sessions())]
        assert longest_runs(model, runs, ["t", "u", "no such"]) == {
            "t": LongestRun("slow", 0.5, 0.03, 0.0),
            "u": LongestRun("fast", 0.0, 0.005, 0.0),
        }
        assert longest_runs(model, [], ["t"]) == {}
