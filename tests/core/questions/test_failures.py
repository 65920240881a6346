"""How often tests fail, which fail together, and which only behind another: definitions counted slowly."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.failures import MIN_RUNS, failing_together, failure_rates
from pytest_insight.core.questions.order import order_suspects
from small_histories import BAD_LETTERS, GOOD_LETTERS, make_run, make_sessions, names_of, runs_of_letters

# ------------------------------------------------------------------ rates


@given(st.text("PFESCKxX? ", max_size=14))
def test_a_rate_counts_bad_runs_of_conclusive_ones(letters):
    """Skips, interruptions and sessions without the test are neither; five runs are enough."""
    bad = sum(one in BAD_LETTERS for one in letters)
    conclusive = bad + sum(one in GOOD_LETTERS for one in letters)
    found = [(one.bad, one.considered, one.enough) for one in failure_rates(runs_of_letters(letters))]
    assert found == ([(bad, conclusive, conclusive >= 5)] if bad else [])
    assert MIN_RUNS == 5


def test_rates_are_in_order_of_what_is_sure():
    """9 of 10 is surely higher than 5 of 5, which is higher than 5 of 10; one failure alone comes last."""
    rows = {"a": "PFFFFFPPPP", "b": "FFFFF", "c": "FFFFFFFFFP", "d": "F"}
    texts = [" ".join(f"{n}={r[at]}" for n, r in rows.items() if at < len(r)) for at in range(10)]
    assert names_of(failure_rates(make_sessions(*texts))) == ["c", "b", "a", "d"]


# ------------------------------------------------------------------ together


def fail_in(**sessions):
    """Return runs in which tests fail; each is given with the digits of its sessions: `a="123"`."""
    last = max((int(digit) for digits in sessions.values() for digit in digits), default=0)
    return make_sessions(
        *(
            " ".join(f"{name}={'F' if str(at) in digits else 'P'}" for name, digits in sessions.items())
            for at in range(1, last + 1)
        )
    )


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("123", "123", True),
        ("12", "12", False),
        ("1234", "123", True),
        ("12345", "123", False),
        ("1234567", "1234567", True),
        ("123456", "2345678", False),
        ("12345678", "2345678", True),
        ("1234", "2345", False),
        ("123", "456", False),
    ],
)
def test_two_tests_fail_together_from_three_sessions_and_a_share_of_seven_tenths(first, second, together):
    """Sessions with both failing, of those with either: 3 of 4 are enough, 3 of 5 are not."""
    share = len(set(first) & set(second)) / len(set(first) | set(second))
    assert together is (len(set(first) & set(second)) >= 3 and share >= 0.7)
    found = failing_together(fail_in(a=first, b=second))
    assert [(one.joint, one.jaccard) for one in found] == ([(len(set(first) & set(second)), share)] * together)


def test_a_third_test_joins_only_if_it_is_like_every_member():
    """`c` is like `b` and not like `a`; a test belongs to one group."""
    (one,) = failing_together(fail_in(a="1234567", b="123456", c="123456"))
    assert (one.tests, one.joint, one.jaccard) == (["t.py::a", "t.py::b", "t.py::c"], 6, 6 / 7)
    (one,) = failing_together(fail_in(a="12345678", b="1234567", c="12345"))
    assert (names_in(one.tests), one.jaccard) == (["a", "b"], 7 / 8)


def names_in(nodeids):
    """Return node ids without their file."""
    return [nodeid.removeprefix("t.py::") for nodeid in nodeids]


@given(st.dictionaries(st.sampled_from("abcde"), st.text("12345", min_size=1), max_size=5))
def test_every_group_holds_pairs_that_fail_together_and_no_such_pair_is_left_out(sessions):
    """Within a group each pair is similar; of two similar tests at least one is in a group."""
    sets = {name: set(digits) for name, digits in sessions.items()}
    jaccard = lambda a, b: len(sets[a] & sets[b]) / len(sets[a] | sets[b])
    alike = lambda a, b: len(sets[a] & sets[b]) >= 3 and jaccard(a, b) >= 0.7
    found = failing_together(fail_in(**sessions))
    groups = [names_in(one.tests) for one in found]
    members = [name for group in groups for name in group]
    assert len(set(members)) == len(members)
    for one, group in zip(found, groups, strict=True):
        assert all(alike(a, b) for a, b in combinations(group, 2))
        assert one.jaccard == min(jaccard(a, b) for a, b in combinations(group, 2))
    for a, b in combinations(sorted(sets), 2):
        assert not alike(a, b) or {a, b} & set(members)
    assert [len(group) for group in groups] == sorted(map(len, groups), reverse=True)


# ------------------------------------------------------------------ order

BEHIND, BEFORE = "dirty=P a=F", "a=P dirty=P"


@pytest.mark.parametrize(
    ("texts", "suspects"),
    [
        ([BEHIND, BEHIND, BEFORE, BEFORE], ["dirty"]),
        ([BEHIND, BEHIND, "a=P", "a=P"], ["dirty"]),
        ([BEHIND, BEFORE, BEFORE], []),
        ([BEHIND, BEHIND, BEFORE], []),
        ([BEHIND, BEHIND, BEFORE, BEFORE, "dirty=P a=P"], []),
        ([BEHIND, BEHIND, "a=F", BEFORE, BEFORE], []),
        ([BEHIND, BEHIND, BEFORE, BEFORE, "dirty=P a=S"], ["dirty"]),
        (["dirty=F a=F", BEHIND, BEFORE, BEFORE], ["dirty"]),
        (["gw0: dirty=P gw1: a=F"] * 2 + ["a=P"] * 2, []),
        (["gw1: dirty=P a=F"] * 2 + ["gw0: dirty=P gw1: a=P"] * 2, ["dirty"]),
        (["d=P c=P b=P e=P a=F"] * 2 + ["a=P"] * 2, ["b", "c", "d"]),
    ],
)
def test_a_suspect_came_before_each_failure_on_the_same_worker_and_before_no_pass(texts, suspects):
    """At least two failures and two passes; what passed on another worker, or before it, did not run before it."""
    found = [one for one in order_suspects(make_sessions(*texts)) if one.nodeid == "t.py::a"]
    assert names_in(one.after for one in found) == suspects
    for one in found:
        failures = sum("a=F" in text for text in texts)
        assert (one.failed_after, one.passed_after, len(one.evidence)) == (failures, 0, failures)
        assert one.passed_without == sum("a=P" in text for text in texts)


def test_a_pass_behind_another_suspect_leaves_the_first():
    """Each candidate is cleared by a pass of its own."""
    runs = [make_run(1, "x=P y=P a=F"), make_run(2, "y=P x=P a=F"), make_run(3, "x=P a=P"), make_run(4, "a=P")]
    assert [one.after for one in order_suspects(runs)] == ["t.py::y"]
