"""Test runs of several sessions: one verdict a test, and one state, from shards, reruns and crashes."""

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.test_runs import run_id_of, sessions_of_run, total_of
from small_runs import few, model_of, scripted

RUN = {"test_run": "ci-1"}
A, B, C = (f"t.py::{name}" for name in "abc")


def part(name: str, hours: float, *results, **more) -> bytes:
    """One session of the test run; results by letter, `-` for one that never ended."""
    words = {"P": "passed", "F": "failed", "S": "skipped", "E": "error", "r": "rerun"}
    return write_session(name, hours, [(nodeid, words.get(letter)) for nodeid, letter in results], **RUN | more)


def total(*parts: bytes):
    """What these sessions come to, whatever the order of their lines."""
    with model_of(*parts) as model:
        return total_of(model, sessions_of_run(model, "ci-1"))


@pytest.mark.parametrize(
    ("parts", "tests", "status", "flaky", "cut", "repeated"),
    [
        ([[(A, "P")], [(B, "P")]], {A: "passed", B: "passed"}, "passed", (), (), 0),
        ([[(A, "P")], [(B, "F")]], {A: "passed", B: "failed"}, "failed", (), (), 0),
        ([[(A, "F")], [(A, "P")]], {A: "passed"}, "passed", (A,), (), 1),
        ([[(A, "P")], [(A, "F")]], {A: "failed"}, "failed", (), (), 1),
        ([[(A, "r"), (A, "P")], [(B, "S")]], {A: "passed", B: "skipped"}, "passed", (A,), (), 0),
        ([[(A, "F")], [(A, "F")], [(A, "P")]], {A: "passed"}, "passed", (A,), (), 1),
        ([[(A, "P")], [(A, "P")]], {A: "passed"}, "passed", (), (), 1),
        ([[(A, "F")], [(A, "S")]], {A: "skipped"}, "passed", (), (), 1),
        ([[(A, "-")], [(A, "P")]], {A: "passed"}, "passed", (A,), (), 1),
        ([[(A, "-")], [(B, "P")]], {A: "crashed", B: "passed"}, "killed", (), (A,), 0),
        ([[(A, "P")], [(A, "-")]], {A: "crashed"}, "killed", (), (A,), 1),
        ([[], []], {}, "no tests", (), (), 0),
    ],
)
def test_the_last_attempt_by_start_is_the_verdict(parts, tests, status, flaky, cut, repeated):
    """In whichever session it was; a crash is superseded by a later result, and an earlier failure makes flaky."""
    lines = [
        part(f"s{at}", at, *results, seal=all(letter != "-" for _, letter in results), status=None)
        for at, results in enumerate(parts)
    ]
    found = total(*lines)
    assert (found.tests, found.status) == (tests, status)
    assert (found.flaky, found.cut, found.repeated) == (flaky, cut, repeated)
    assert total(*lines[::-1]) == found


@pytest.mark.parametrize(
    ("exit_status", "uncollected", "status"),
    [
        (0, (), "passed"),
        (2, (), "interrupted"),
        (3, (), "internal error"),
        (4, (), "usage error"),
        (5, (), "passed"),
        (2, ("m.py",), "errors in collection"),
    ],
)
def test_the_worst_end_of_a_session_is_the_state_of_the_run(exit_status, uncollected, status):
    """A shard without tests takes nothing away from the others."""
    found = total(part("one", 0, (A, "P")), part("two", 1, status=exit_status, uncollected=uncollected))
    assert found.status == status
    assert found.counts.get("error", 0) == len(uncollected)
    assert found.sessions == 2


def test_an_interruption_comes_before_a_failure_and_behind_an_internal_error():
    """States in the order of how little they say about the tests."""
    failed = part("one", 0, (A, "F"))
    assert total(failed, part("two", 1, status=2)).status == "interrupted"
    assert total(failed, part("two", 1, status=2), part("three", 2, status=3)).status == "internal error"


def test_the_time_of_a_run_reaches_from_the_first_start_to_the_last_end():
    """Sessions at once, or one after the other; systems are named once."""
    found = total(part("one", 0, (A, "P"), (B, "P")), part("two", 2, (C, "P"), sut="pay"), part("three", 1, (A, "P")))
    assert found.duration_us == 2 * 3600 * 1_000_000 + 1_000_000
    assert found.suts == ("pay", "shop")
    assert found.counts == {"passed": 3}


results = st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from("PFSE")), max_size=3, unique_by=lambda r: r[0])


@few
@given(st.lists(results, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_any_run_is_what_a_walk_over_its_sessions_says(parts, rng):
    """Verdicts, counts and flaky tests, with the lines of the sessions in any order."""
    lines = [part(f"s{at}", at, *these) for at, these in enumerate(parts)]
    seen: dict[str, str] = {}
    for these in parts:
        for nodeid, letter in these:
            seen[nodeid] = seen.get(nodeid, "") + letter
    rng.shuffle(lines)
    found = total(*lines)
    word = {"P": "passed", "F": "failed", "S": "skipped", "E": "error"}
    assert found.tests == {nodeid: word[letters[-1]] for nodeid, letters in seen.items()}
    assert set(found.flaky) == {n for n, letters in seen.items() if letters[-1] == "P" and set(letters) & set("FE")}
    assert found.repeated == sum(len(letters) > 1 for letters in seen.values())
    counts = {name: sum(verdict == name for verdict in found.tests.values()) for name in word.values()}
    assert {name: found.counts.get(name, 0) for name in word.values()} == counts
    is_bad = any(verdict in ("failed", "error") for verdict in found.tests.values())
    assert found.status == ("failed" if is_bad else "passed" if seen else "no tests")


def test_only_the_sessions_of_a_run_belong_to_it():
    """By its whole id, of one system if that is asked for."""
    with model_of(
        part("one", 0), part("two", 1, sut="pay"), scripted("alone", 2), scripted("x", 3, test_run="ci-11")
    ) as model:
        assert [row.session_id for row in sessions_of_run(model, "ci-1")] == ["two", "one"]
        assert [row.session_id for row in sessions_of_run(model, "ci-1", sut="pay")] == ["two"]
        assert {row.session_id: run_id_of(row) for row in model.sessions()}["alone"] == ""
