"""The answer that `insight` gives without a command: each part of it from a log that is written for it."""

import msgspec
import pytest
from histories import write_session
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.overview.answer import overview_of
from pytest_insight.core.overview.data import Overview
from small_runs import model_of, scripted

A, B = "t.py::a", "t.py::b"


def answer(*lines: bytes, rows: int | None = None) -> Overview:
    """The overview of a log of one system."""
    with model_of(*lines) as model:
        return overview_of(model, Analysis.of_model(model), rows=rows)


def part(name: str, hours: float, commit: str, **results: str) -> bytes:
    """A session of `t.py` with an outcome for each name."""
    return write_session(name, hours, [(f"t.py::{test}", outcome) for test, outcome in results.items()], commit=commit)


def test_nothing_is_said_of_nothing():
    """An empty log has an empty answer."""
    assert answer() == Overview(about=answer().about)
    assert answer().about.sessions == 0


def test_a_test_that_broke_is_told_with_its_commits_and_what_to_do():
    """The sentence, the group, the strip, and the commands that lead on."""
    found = answer(part("s0", 0, "a", a="passed", b="passed"), part("s1", 1, "b", a="failed", b="passed"))
    assert found.headline == f"1 test fails that was good at {'a' * 9}"
    (group,) = found.groups
    assert (group.commit, group.good_commit, group.tests, found.broken) == ("b" * 40, "a" * 40, 1, 1)
    assert (group.rows[0].nodeid, group.rows[0].strip, group.rows[0].message) == (
        A,
        ["passed", "failed"],
        "RuntimeError: db down",
    )
    assert found.commands == ["insight session rerun", f"git log {'a' * 9}..{'b' * 9}", "insight test show a"]
    assert (found.newest.session_id, found.newest.state, found.newest.done, found.newest.total) == (
        "s1",
        "failed",
        2,
        2,
    )


def test_a_history_without_a_bad_run_leads_to_the_list_of_tests():
    """There is nothing to run again."""
    found = answer(part("s0", 0, "a", a="passed"))
    assert (found.headline, found.groups, found.commands) == ("nothing is broken", [], ["insight test list"])


@pytest.mark.parametrize(
    ("nodeids", "word"),
    [
        (["t.py::a"], "a"),
        (["t.py::a", "u.py::a"], "t.py::a"),
        (["t.py::a", "t.py::ab"], "t.py::a"),
        (["t.py::a[1]"], "a"),
        (["t.py::a[1 2]", "t.py::a[3]"], "'a[1 2]'"),
    ],
)
def test_a_command_names_a_test_by_the_shortest_word_that_means_it(nodeids, word):
    """Quoted for a shell where that is needed."""
    good = write_session("s0", 0, [(nodeid, "passed") for nodeid in nodeids])
    bad = write_session("s1", 1, [(nodeids[0], "failed"), *((nodeid, "passed") for nodeid in nodeids[1:])], commit="b")
    assert answer(good, bad).commands[-1] in (f"insight test show {word}", f"insight test show '{nodeids[0]}'")


def test_flaky_tests_are_told_by_test_with_the_best_of_their_evidence():
    """Cases in one row, of how many there are; the rules by name."""
    cases = [f"t.py::x[{n}]" for n in range(3)]
    again = [(cases[0], "rerun"), (cases[1], "rerun")]
    lines = [write_session(f"s{at}", at, [*again, *((case, "passed") for case in cases)]) for at in range(2)]
    lines.append(write_session("s2", 2, [(case, "failed" if case == cases[0] else "passed") for case in cases]))
    lines.append(write_session("s3", 3, [(case, "passed") for case in cases]))
    found = answer(*lines)
    (row,) = found.flaky
    assert (row.nodeid, row.nodeids, row.cases) == ("t.py::x", cases[:2], 3)
    assert (row.rules, row.rule, row.count, row.is_new) == (["retry", "same-source"], "retry", 2, True)
    assert row.strip == ["flaky", "flaky", "failed", "passed"]
    assert (found.flaky_tests, found.flaky_new, found.recovered) == (2, 2, 0)


def test_cut_tests_are_told_once_with_how_often_they_were_cut():
    """Its newest run; a session with one worker does not say for how long."""
    found = answer(*(scripted(f"s{at}", at, "P-", seal=False) for at in range(2)))
    (row,) = found.cut
    assert (row.nodeid, row.session, row.times, row.ran_s) == ("t.py::1", "s1", 2, None)
    assert found.sentences[0] == "latest session was killed after 1 of 2 tests, while t.py::1 was running"


def test_lost_and_slower_tests_and_other_branches_have_their_rows():
    """With the commit without the test, the runs on both sides, and what is broken elsewhere."""
    slow = [
        write_session(
            f"s{at}",
            at,
            [(A, "passed", 20 if at < 6 else 200, 0), *([(B, "passed")] if at < 9 else [])],
            commit=f"{at:x}",
        )
        for at in range(10)
    ]
    found = answer(*slow, write_session("f1", 5, [(A, "failed")], branch="fix"))
    assert [(row.nodeid, row.samples, row.confirmed) for row in found.slower] == [(A, [5, 5], True)]
    assert [(row.nodeid, row.gone_commit, row.gone_session) for row in found.lost] == [(B, "9" * 40, "s9")]
    assert [(row.branch, row.sessions, row.broken) for row in found.other_branches] == [("fix", 1, [A])]


def test_the_answer_as_json_has_every_field_and_reads_back():
    """Plain data of documented shapes; rows beyond those asked for have no strip."""
    found = answer(part("s0", 0, "a", a="passed", b="passed"), part("s1", 1, "b", a="failed", b="failed"), rows=1)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Overview) == found
    assert [bool(row.strip) for group in found.groups for row in group.rows] == [True, False]
