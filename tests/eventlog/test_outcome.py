"""The table of results: every list of outcomes in the package follows from it."""

import ast
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from _pytest.terminal import KNOWN_TYPES
from pytest_insight.core.models import TestOutcome
from pytest_insight.core.overview.marks import MARKS
from pytest_insight.eventlog.events import Outcome
from pytest_insight.eventlog.outcome import (
    BAD,
    GOOD,
    KNOWN,
    OUTCOMES,
    PRECEDENCE,
    RESULTS,
    TERMINAL_ORDER,
    Verdict,
    attempt_outcome,
    foreign_category,
    missing_tests,
    not_run_tests,
)

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("eventlog", "projections", "core", "plugin", "cli", "syncstorage", "testdata")


def test_every_name_and_mark_is_unique():
    """No two results have the same name, letter or shape."""
    for column in ("name", "letter", "shape"):
        values = [getattr(result, column) for result in RESULTS]
        assert len(set(values)) == len(values), column


def test_the_types_name_the_same_words_as_the_table():
    """`Outcome`, `Verdict` and `TestOutcome` list what the table lists."""
    assert set(get_args(Outcome)) == KNOWN == set(OUTCOMES) == set(PRECEDENCE)
    assert set(get_args(Verdict)) == {result.name for result in RESULTS} - {"flaky"}
    assert {member.name.lower() for member in TestOutcome} == KNOWN - {"other"}
    assert set(MARKS) == {result.name for result in RESULTS}


def test_codes_and_ranks_have_no_gaps():
    """Codes in the read model and ranks are 0, 1, 2, ... without repetition."""
    for column in ("code", "precedence"):
        assert sorted(getattr(result, column) for result in RESULTS if result.name in KNOWN) == list(range(len(KNOWN)))


def test_the_order_of_the_last_line_is_that_of_pytest():
    """Terminal categories come in pytest's own order; `rerun` is of plugins and comes last."""
    assert [name for name in KNOWN_TYPES if not name.startswith("subtests")] == list(TERMINAL_ORDER[:-1])
    assert TERMINAL_ORDER[-1] == "rerun"


def test_no_result_is_good_and_bad():
    """The kinds divide the table, and what was skipped or cut is neither good nor bad."""
    assert not GOOD & BAD
    neutral = {result.name for result in RESULTS} - GOOD - BAD
    assert neutral == {"cut", "rerun", "flaky", "other", "skipped", "not_run"}


CATEGORIES = [None, "failed", "error", "skipped", "xfailed", "xpassed", "rerun", "known_bug"]


def test_the_outcome_of_an_attempt_over_all_phases():
    """Set-up, call and teardown with every category: the strongest decides, and a foreign one is never a pass."""
    strongest = ["rerun", "error", "failed", "other", "xpassed", "passed", "xfailed", "skipped"]
    for given in product(CATEGORIES, repeat=3):
        phases = dict.fromkeys(("setup", "call", "teardown"), 0)
        outcomes = {name: found for name, found in zip(phases, given, strict=True) if found}
        present = ["other" if found == "known_bug" else found for found in outcomes.values()]
        present += [] if "call" in outcomes else ["passed"]
        assert attempt_outcome(phases, outcomes) == min(present, key=strongest.index)
        assert foreign_category(outcomes) == ("known_bug" if "known_bug" in given else "")


@pytest.mark.parametrize(
    ("phases", "outcomes", "facts", "expected"),
    [
        (("setup",), {}, {}, None),
        (("setup",), {}, {"repeated": True}, "rerun"),
        (("setup", "call"), {"call": "known_bug"}, {"repeated": True}, "rerun"),
        (("setup", "call"), {"call": "known_bug"}, {"failed": True}, "failed"),
        (("setup", "call"), {}, {"subtest_failed": True}, "failed"),
        (("setup", "call"), {}, {}, "passed"),
    ],
)
def test_facts_beyond_the_phases(phases, outcomes, facts, expected):
    """Failed subtests, failures under a foreign name, and repeated attempts count as the table says."""
    assert attempt_outcome(dict.fromkeys(phases, 0), outcomes, **facts) == expected


def test_missing_and_never_started():
    """A test that was started and has no result is missing, but it did run."""
    assert missing_tests({"a", "b", "c"}, {"a"}) == {"b", "c"}
    assert not_run_tests({"a", "b", "c"}, {"a"}, {"b"}) == {"c"}


REPEATING_ALLOWED = {"eventlog/events.py", "eventlog/outcome.py", "plugin/attempts/categories.py"}
"""The type of the field, the table itself, and the words that pytest has for outcomes of reports."""


def repeated_words(path: Path) -> list[str]:
    """Literal collections of a module that list three or more results, of which one is of no other meaning."""
    words = {result.name for result in RESULTS}
    own = {"xfailed", "xpassed", "rerun"}
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
            items = node.elts
        elif isinstance(node, ast.Dict):
            items = node.keys
        else:
            continue
        named = {item.value for item in items if isinstance(item, ast.Constant) and item.value in words}
        if len(named) > 2 and named & own:
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} {sorted(named)}")
    return found


def test_nothing_else_in_the_package_repeats_the_words():
    """Every other list of results is derived from the table, so a new result is one row."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    found = [
        line for path in paths if str(path.relative_to(ROOT)) not in REPEATING_ALLOWED for line in repeated_words(path)
    ]
    assert found == []
