"""Which sessions a comparison is about: words by the table of the module, and the choice of a base by a slow ranking."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.naming import meanings
from pytest_insight.core.naming.sides import Chooser
from small_rows import RowsInMemory, make_row

pytestmark = pytest.mark.usefixtures("no_git_refs")

ABC, ABD = "abc" + "0" * 37, "abd" + "0" * 37


def chooser(*rows):
    """Return what chooses among some sessions."""
    model = RowsInMemory(*rows)
    return Chooser(model, model.rows)


def names(side):
    """Return the ids of a side."""
    return [row.session_id for row in side.rows]


@pytest.fixture
def many():
    """Return sessions of two systems, branches and commits."""
    return chooser(
        make_row(1, commit=ABC),
        make_row(2, commit=ABD),
        make_row(3, branch="fix", commit="f" * 40),
        make_row(4, sut="pay", commit="e" * 40),
        make_row(5, "nightly", commit=ABD),
        make_row(6, commit="d" * 40),
    )


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("base", "target", "base_names", "target_names", "modes"),
    [
        (None, None, ["nightly"], ["s6"], ("session", "session")),
        ("last", None, ["nightly"], ["s6"], ("session", "session")),
        ("latest", "last", ["nightly"], ["s6"], ("session", "session")),
        (None, "nightly", ["s2"], ["nightly"], ("session", "session")),
        ("s1", None, ["s1"], ["s6"], ("session", "session")),
        ("s1", "last", ["s1"], ["s6"], ("session", "session")),
        ("night", "s6", ["nightly"], ["s6"], ("session", "session")),
        ("abc0", "s6", ["s1"], ["s6"], ("commit", "session")),
        ("abc000", "abd000", ["s1"], ["s2", "nightly"], ("commit", "commit")),
        ("pay", "shop", ["s4"], ["s1", "s2", "s3", "nightly", "s6"], ("sut", "sut")),
        ("pa", "s6", ["s4"], ["s6"], ("sut", "session")),
        ("main", "fix", ["s2"], ["s3"], ("branch", "branch")),
        ("fix", None, ["s3"], ["s6"], ("branch", "session")),
        ("origin/fix", "s6", ["s3"], ["s6"], ("branch", "session")),
        ("s1..s2", "s6", ["s1", "s2"], ["s6"], ("period", "session")),
        ("shop", "s6", ["s1", "s2", "s3", "nightly"], ["s6"], ("sut", "session")),
    ],
)
def test_a_word_means_what_the_table_says(many, base, target, base_names, target_names, modes):
    """Whole names before beginnings; a session that both sides would have is left to the smaller side."""
    found = many.sides(base, target)
    assert (names(found.base), names(found.target)) == (base_names, target_names)
    assert (found.base.mode, found.target.mode) == modes


@pytest.mark.parametrize(
    ("base", "target", "mode", "message"),
    [
        ("nigthly", None, None, "did you mean nightly"),
        ("xyzzy", None, None, "systems shop, pay; branches main, fix; sessions s6"),
        ("ab", "s6", None, "no session"),
        ("", "s6", None, "'' is the beginning of 2 systems under test: pay, shop"),
        ("nightly", None, "sut", "no system under test is called 'nightly'"),
        ("s6", None, None, "s6 is the newest of shop; there is none after it"),
        (None, "s1", None, "s1 is the first of shop; there is none before it"),
        ("s1", "s1", None, "both sides are the same"),
        ("2020-01-01", None, None, "no session started within 2020-01-01"),
    ],
)
def test_what_cannot_be_compared_is_told_with_what_there_is(many, base, target, mode, message):
    """The nearest name, else systems, branches and sessions."""
    with pytest.raises(LookupError) as error:
        many.sides(base, target, mode)
    assert message in str(error.value)


def test_a_mode_restricts_what_a_word_means():
    """A branch, a system and a session of one name: the session comes first, then the system, then the branch."""
    rows = [make_row(1, "main", branch="x"), make_row(2, sut="main", branch="x"), make_row(3), make_row(4, branch="x")]
    for mode, base in ((None, ["main"]), ("session", ["main"]), ("sut", ["s2"]), ("branch", ["s3"])):
        side = meanings.Meanings(RowsInMemory(*rows), RowsInMemory(*rows).rows).side("main", mode)
        assert names(side) == base
    with pytest.raises(LookupError, match="no session is recorded"):
        meanings.Meanings(RowsInMemory(), []).side("main", None)
    with pytest.raises(LookupError, match="there is no session to compare"):
        chooser().sides(None, None)


def test_a_word_that_is_not_unique_as_one_thing_may_be_another_thing():
    """Two sessions, or two commits, begin so, and one system: the system is meant; without it the message tells of them."""
    rows = [make_row(n, f"abcd-{n}", commit=f"abcd{n}" + "0" * 35) for n in (1, 2)]
    assert names(chooser(*rows, make_row(3, sut="abcdef")).sides("abcd", "abcd-2").base) == ["s3"]
    with pytest.raises(LookupError, match="'abcd' is the beginning of 2 session ids"):
        chooser(*rows).sides("abcd", "abcd-2")
    renamed = [make_row(n, commit=f"abcd{n}" + "0" * 35) for n in (1, 2)]
    assert names(chooser(*renamed, make_row(3, sut="abcdef")).sides("abcd", "s2").base) == ["s3"]
    with pytest.raises(LookupError, match="'abcd' is the beginning of 2 commits"):
        chooser(*renamed).sides("abcd", "s2")


# ------------------------------------------------------------------ the newest session


@pytest.mark.parametrize("empty", [{"tests": 0, "verdicts": {}}, {"started_us": 1 << 60}], ids=["no test", "future"])
def test_a_session_without_a_test_or_of_the_future_is_the_newest_only_if_alone(empty):
    """It is passed over where there is another one, as target and as base."""
    rows = [make_row(1), make_row(2), make_row(3, **empty)]
    found = chooser(*rows).sides(None, None)
    assert (names(found.base), names(found.target)) == (["s1"], ["s2"])
    assert meanings.Meanings(RowsInMemory(rows[2]), [rows[2]]).newest() is rows[2]
    assert names(chooser(*rows).sides("s1", None).target) == ["s2"]


def test_a_newer_session_of_some_tests_is_passed_over_for_a_whole_one_and_named():
    """With a session or a branch as base; it is the target if there is no whole one."""
    rows = [make_row(1), make_row(2), make_row(3, args=["-k", "x"])]
    found = chooser(*rows).sides("s1", None)
    assert names(found.target) == ["s2"]
    assert found.notes == ("session s3 is newer, but did not run all tests; --target names it",)
    assert names(chooser(rows[0], rows[2]).sides("s1", None).target) == ["s3"]


def test_shards_of_a_test_run_are_one_side():
    """Of the same system and variant only; the base is then the whole run before."""
    shards = [make_row(number, test_run=f"run-{number // 3}") for number in range(6)]
    other = make_row(6, test_run="run-1", python="3.13.1")
    found = chooser(*shards, other).sides(None, "s5")
    assert (names(found.base), names(found.target)) == (["s0", "s1", "s2"], ["s3", "s4", "s5"])


# ------------------------------------------------------------------ the session before

rows = st.lists(
    st.fixed_dictionaries(
        {
            "sut": st.sampled_from(["shop", "shop", "pay"]),
            "branch": st.sampled_from(["main", "fix", ""]),
            "python": st.sampled_from(["3.11.1", "3.13.1"]),
            "args": st.sampled_from([(), (), ("-k", "x"), ("t.py",)]),
            "exit_status": st.sampled_from([0, 1, None]),
            "missing": st.sampled_from([0, 0, 1]),
            "uncollected": st.sampled_from([(), (), ("m.py",)]),
        }
    ),
    min_size=1,
    max_size=7,
)


def rank_of(one: SimpleNamespace, target: SimpleNamespace, default: str) -> int:
    """Return how little a session says about what changed, by the table in `sides`; 0 says most."""
    of = lambda row: (row.part.header["vcs"]["branch"] or default, row.part.header["python"], row.part.header["args"])
    (branch, python, args), (own_branch, own_python, own_args) = of(one), of(target)
    ended = one.exit_status is not None and not one.missing and not one.part.collect_failed
    is_whole = ended and not args
    if python != own_python:
        return 6
    if branch == own_branch and args == own_args:
        return 0 if ended else 1
    if branch == own_branch and is_whole:
        return 2
    if branch == default and is_whole:
        return 3
    return 4 if branch == own_branch else 5


OWN = {"branch": "fix", "args": ["-k", "x"]}
BY_RANK = [
    OWN,
    OWN | {"missing": 1},
    {"branch": "fix"},
    {"branch": "main"},
    {"branch": "fix", "args": ["t.py"]},
    {"branch": "main", "args": ["t.py"]},
    OWN | {"python": "3.13.1"},
]


@pytest.mark.parametrize("rank", range(len(BY_RANK) - 1))
def test_a_session_that_says_more_is_the_base_before_every_newer_one_that_says_less(rank):
    """One row of the table after the other, against all rows below it."""
    made = [make_row(number, **each) for number, each in enumerate([*BY_RANK[rank:], OWN], 1)]
    assert [rank_of(row, made[-1], "main") for row in made[:-1]] == list(range(rank, len(BY_RANK)))
    assert names(chooser(*made).sides(None, None).base) == ["s1"]


@given(rows)
def test_the_base_is_the_session_before_that_says_most(described):
    """The lowest rank, of equal ones the newest; never one of another system."""
    made = [make_row(number, **each) for number, each in enumerate(described, 1)]
    target = made[-1]
    default = "main" if any(row.part.header["vcs"]["branch"] == "main" for row in made) else ""
    before = [row for row in made[:-1] if row.sut == target.sut]
    if not before:
        with pytest.raises(LookupError, match="is the first of"):
            chooser(*made).sides(None, target.session_id)
        return
    found = chooser(*made).sides(None, target.session_id)
    best = min(before, key=lambda row: (rank_of(row, target, default), -row.started_us))
    assert (names(found.base), names(found.target)) == ([best.session_id], [target.session_id])
    told = " ".join(found.notes)
    assert ("same variant" in told) is (best.part.header["python"] != target.part.header["python"])
    assert ("same tests" in told) is (best.part.header["args"] != target.part.header["args"])


@given(rows, st.data())
def test_no_session_is_on_both_sides(described, data):
    """Whatever two words are given."""
    made = [make_row(number, **each) for number, each in enumerate(described, 1)]
    words = st.sampled_from(["last", "shop", "pay", "main", "fix", *(row.session_id for row in made)]) | st.none()
    try:
        found = chooser(*made).sides(data.draw(words), data.draw(words))
    except LookupError:
        return
    streams = [{row.stream for row in side.rows} for side in (found.base, found.target)]
    assert all(streams)
    assert not streams[0] & streams[1]
    for side in (found.base, found.target):
        assert [row.started_us for row in side.rows] == sorted(row.started_us for row in side.rows)
