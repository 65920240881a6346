"""The rules that decide: liveness over its whole domain, locks, order of cleanup, versions, migration chains."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.testdata.model.records import Hold, Life, Lock, Resource
from pytest_insight.testdata.model.rules import Facts, cleanup_order, decide_lock, next_due_us, pause_s, verdict_of
from pytest_insight.testdata.model.values import as_content
from pytest_insight.testdata.model.versions import check_version, next_version, plan_migration, version_key


@pytest.mark.parametrize(
    "facts",
    [
        Facts(*each)
        for each in itertools.product([0, 1], [None, False, True], [0, 1], [0, 1], [-1, 5000], [-1, 5000, 9000])
    ],
)
def test_liveness_over_its_whole_domain(facts):
    """Dead is only what is proven: another boot, no such process, or another one under that number."""
    verdict = verdict_of(facts)
    here = facts.same_host and facts.same_boot is not False and facts.same_pid_space
    rebooted = facts.same_host and facts.same_boot is False
    comparable = facts.started_ms >= 0 and facts.claimed_started_ms >= 0
    another = here and facts.pid_exists and comparable and facts.started_ms != facts.claimed_started_ms
    assert (verdict == "dead") == bool(rebooted or (here and not facts.pid_exists) or another)
    assert (verdict == "alive") == bool(
        here and facts.pid_exists and comparable and facts.started_ms == facts.claimed_started_ms
    )


def hold(token, lock_id="a", session="s1", mode="exclusive"):
    """One holder."""
    return Hold(token, lock_id, session, mode, 1, token, 0, 0, "")


HOLDS = [
    [],
    [hold(1)],
    [hold(1, session="s2")],
    [hold(1, lock_id="b")],
    [hold(1, mode="shared")],
    [hold(1, session="s2", mode="shared"), hold(2, mode="shared")],
    [hold(1, session="s2", mode="shared"), hold(2, session="s3", mode="shared")],
]


@pytest.mark.parametrize("holds", HOLDS)
@pytest.mark.parametrize("mode", ["exclusive", "shared"])
@pytest.mark.parametrize("gone", [set(), {1}, {1, 2}])
def test_a_grant_never_leaves_two_holders_that_exclude_each_other(holds, mode, gone):
    """After any decision, all holders that are left are shared, or there is one."""
    lock = Lock("n", "k", 2, {each.token: each for each in holds})
    decision = decide_lock(lock, "a", "s1", mode, lambda each: each.token in gone)
    if decision.outcome == "ours":
        assert decision.hold in holds
        assert (decision.hold.lock_id, decision.hold.session, decision.hold.mode) == ("a", "s1", mode)
    if decision.outcome == "granted":
        assert all(each.token in gone and each.session != "s1" for each in decision.expired)
        left = [each for each in holds if each not in decision.expired and each is not decision.exchanged]
        assert not left or (mode == "shared" and all(each.mode == "shared" for each in left))
    if decision.outcome == "busy":
        living = [each for each in holds if each.session == "s1" or each.token not in gone]
        assert any(mode == "exclusive" or each.mode == "exclusive" for each in living)


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_dependants_are_cleaned_first_then_the_newest(graph):
    """Against a slow oracle: at each step the newest of what nothing left depends on."""
    count, edges = graph
    depends = {n: sorted({b for a, b in edges if a == n and b < n}) for n in range(count)}
    resources = [Resource("n", str(n), Life(depends_on=tuple(map(str, depends[n]))), position=n) for n in range(count)]
    dependants = {str(n): {str(a) for a in depends if n in depends[a]} for n in range(count)}
    random.Random(count).shuffle(resources)
    got = [int(each.resource_id) for each in cleanup_order(resources, dependants)]
    left, expected = set(range(count)), []
    while left:
        free = [n for n in left if not any(n in depends[a] for a in left)]
        expected.append(max(free))
        left.remove(max(free))
    assert got == expected


def test_a_circle_is_cleaned_newest_first():
    """Data that depends on itself by a detour is not left behind."""
    pair = [
        Resource("n", "a", Life(depends_on=("b",)), position=1),
        Resource("n", "b", Life(depends_on=("a",)), position=2),
    ]
    assert [each.resource_id for each in cleanup_order(pair, {"a": {"b"}, "b": {"a"}})] == ["b", "a"]


def test_pauses_grow_to_a_limit():
    """Each wait is longer than the one before, whatever the jitter, until the limit."""
    assert [pause_s(n, 0.5) for n in (1, 2, 3)] == [0.05, 0.1, 0.2]
    assert pause_s(50, 0.5) == 2.0
    dues = [next_due_us(0, attempts, 0.5) for attempts in range(3, 30)]
    assert dues == sorted(dues)
    assert dues[0] == 5_000_000
    assert dues[-1] == 3_600_000_000


def test_versions_are_ordered_as_pep_440_says():
    """One version may be spelled in several ways; the next one is the next patch that is free."""
    assert version_key("1.0") == version_key("1.0.0") != version_key("1.0.1")
    assert next_version(None, []) == "1.0.0"
    assert next_version("1.0.9", [version_key("1.0.9")]) == "1.0.10"
    assert next_version("1.2", map(version_key, ["1.2", "1.2.1", "1.2.2"])) == "1.2.3"
    with pytest.raises(ValueError, match="not a version"):
        check_version("latest")


class Handler:
    def __init__(self, *edges, declared=True):
        self.hops = set(edges)
        self.edges = edges if declared else ()

    def can_handle(self, a, b):
        return (a, b) in self.hops


def hops(plan):
    """The versions a plan goes through."""
    return [(a, b) for a, b, _ in plan]


def test_the_direct_way_comes_before_a_chain():
    """A handler that claims the whole hop is used, though a chain exists."""
    chain, direct = Handler(("1", "2"), ("2", "3")), Handler(("1", "3"), declared=False)
    assert hops(plan_migration("1", "3", ["1"], [chain])) == [("1", "2"), ("2", "3")]
    assert hops(plan_migration("1", "3", ["1"], [direct, chain])) == [("1", "3")]


def test_the_last_registered_handler_wins():
    """Two handlers claim one hop."""
    first, last = Handler(("1", "2")), Handler(("1", "2"))
    assert plan_migration("1", "2", ["1"], [first, last])[0][2] is last


def test_circles_and_dead_ends_end():
    """A planner that could go round for ever says that there is no way."""
    around = Handler(("1", "2"), ("2", "1"), ("2", "2"))
    assert plan_migration("1", "9", ["1", "2"], [around]) == []


@given(
    st.sets(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=14),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_a_chain_is_as_short_as_can_be(edges, start, target):
    """Against an oracle that tries all lengths."""
    if start == target:
        return
    names = {n: f"{n}.0.0" for n in range(1, 7)}
    handler = Handler(*((names[a], names[b]) for a, b in edges))
    reached, length = {start}, 0
    while target not in reached and length < 7:
        reached |= {b for a, b in edges if a in reached}
        length += 1
    plan = plan_migration(names[start], names[target], [names[start]], [handler])
    assert len(plan) == (length if target in reached else 0)
    assert all(x[1] == y[0] for x, y in itertools.pairwise(plan))


@pytest.mark.parametrize(
    ("value", "error", "where"),
    [
        ({"a": [1, {"b": object()}]}, TypeError, r"data\.a\[1\]\.b: object is not JSON"),
        ({"a": {1: 2}}, TypeError, r"data\.a: the key 1 is not a str"),
        ({"a": float("nan")}, ValueError, r"data\.a: nan is not JSON"),
        (["\ud800"], ValueError, r"data\[0\]: contains a lone surrogate"),
        ({"\ud800": 1}, ValueError, "contains a lone surrogate"),
        ([1 << 5000], ValueError, "too large"),
        (b"x", TypeError, "data: bytes is not JSON"),
    ],
)
def test_what_is_no_json_is_refused_with_its_path(value, error, where):
    """Nothing is silently changed into something else."""
    with pytest.raises(error, match=where):
        as_content(value)


def test_data_within_itself_is_refused():
    """An endless value ends in an error, not in a crash."""
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested more than"):
        as_content(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_content_depends_on_the_data_only(value):
    """The order of keys does not matter; what was written comes back."""
    import msgspec

    shuffled = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert as_content(value).digest == as_content(shuffled).digest
    assert msgspec.json.decode(as_content(value).data) == value
