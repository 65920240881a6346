"""Lost tests: since when, by which session, and under which name they may go on; slow counts and tables by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.partial import Selected
from pytest_insight.core.questions.lost import lost_tests
from small_histories import make_run, make_sessions, names_of

PARTIAL = [
    {"selected": Selected(options=("-k x",))},
    {"selected": Selected(paths=("tests/unit",))},
    {"selected": Selected(deselected=1)},
    {"selected": Selected(cut_short=True)},
    {"uncollected": ("m.py",)},
    {"status": "interrupted"},
    {"status": "incomplete"},
]
OLD, NEW = (("python", "3.11"),), (("python", "3.13"),)


def test_a_test_is_lost_where_a_whole_session_does_not_have_it():
    """The last session that had it, and the first whole one behind that."""
    runs = make_sessions("a=P b=P", "a=P b=S", "a=P", "a=P")
    (one,) = lost_tests(runs)
    assert names_of([one]) == ["b"]
    assert (one.last_session, one.gone_session, one.name) == ("s2", "s3", "b")
    assert (one.last_us, one.gone_us) == (runs[1].started_us, runs[2].started_us)


@pytest.mark.parametrize("partial", PARTIAL, ids=str)
def test_a_partial_session_says_nothing_about_what_it_does_not_have(partial):
    """Neither that a test is lost, nor, if a whole one follows, since when."""
    before, behind = make_run(1, "a=P b=P"), make_run(3, "a=P")
    between = make_run(2, "a=P", **partial)
    assert lost_tests([before, between]) == []
    assert [one.gone_session for one in lost_tests([before, between, behind])] == ["s3"]


@pytest.mark.parametrize("partial", PARTIAL, ids=str)
def test_a_partial_session_that_has_a_test_says_that_it_is_there(partial):
    """It ran, so it is not lost, whatever the whole session before it did not have."""
    runs = [make_run(1, "a=P b=P"), make_run(2, "a=P"), make_run(3, "b=P", **partial)]
    assert lost_tests(runs) == []


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=7))
def test_lost_is_what_the_slow_search_finds(history):
    """For each test: its last session, and the first whole one behind it that ran tests, if there is one."""
    runs = [
        make_run(
            number,
            " ".join(f"{name}=P" for name in sorted(tests)),
            selected=Selected() if is_whole else Selected(("-x",)),
        )
        for number, (tests, is_whole) in enumerate(history, 1)
    ]
    expected = {}
    for name in "abc":
        having = [number for number, (tests, _) in enumerate(history, 1) if name in tests]
        behind = [
            n for n, (tests, is_whole) in enumerate(history, 1) if tests and is_whole and having and n > having[-1]
        ]
        if behind:
            expected[name] = (f"s{having[-1]}", f"s{behind[0]}")
    found = lost_tests(runs)
    assert {n: (o.last_session, o.gone_session) for n, o in zip(names_of(found), found, strict=True)} == expected
    assert found == sorted(found, key=lambda one: (-one.gone_us, one.nodeid))


def test_a_test_that_another_variant_still_has_is_not_lost():
    """It was dropped for one version of Python; lost is what no variant has any more, told once, of the latest loss."""
    runs = [make_run(1, "a=P b=P", variant=OLD), make_run(2, "a=P b=P", variant=NEW), make_run(3, "a=P", variant=OLD)]
    assert lost_tests(runs) == []
    (one,) = lost_tests([*runs, make_run(4, "a=P", variant=NEW)])
    assert (one.last_session, one.gone_session) == ("s2", "s4")


def test_each_branch_loses_tests_of_its_own():
    """A branch that dropped a test does not lose it for the project."""
    runs = [make_run(1, "a=P b=P"), make_run(2, "a=P b=P", branch="fix"), make_run(3, "a=P", branch="fix")]
    assert [(one.branch, one.gone_session) for one in lost_tests(runs)] == [("fix", "s3")]


@pytest.mark.parametrize(
    ("before", "behind", "lost", "names"),
    [
        ("m.py::old=P", "m.py::new=P", "m.py::old", ["m.py::new"]),
        ("m.py::T::old=P", "m.py::T::new=P m.py::other=P", "m.py::T::old", ["m.py::T::new"]),
        ("m.py::old=P", "m.py::new=P m.py::new2=P", "m.py::old", []),
        ("m.py::old=P m.py::old2=P", "m.py::new=P", "m.py::old", []),
        ("m.py::old=P", "n.py::old=P", "m.py::old", ["n.py::old"]),
        ("m.py::old=P", "n.py::old=P o.py::old=P", "m.py::old", ["n.py::old", "o.py::old"]),
        ("m.py::old=P", "n.py::old=P m.py::new=P", "m.py::old", ["n.py::old"]),
        ("m.py::old=P n.py::new=P", "n.py::new=P", "m.py::old", []),
        ("m.py::old[1]=P", "m.py::old[2]=P", "m.py::old[1]", ["m.py::old[2]"]),
        ("m.py::T::old[a::b]=P", "m.py::T::new[c::d]=P", "m.py::T::old[a::b]", ["m.py::T::new[c::d]"]),
    ],
)
def test_what_is_new_where_a_test_is_gone_may_be_that_test(before, behind, lost, names):
    """The same name elsewhere, or the only new one of its module or class if it is the only lost one there."""
    found = {one.nodeid: list(one.renamed) for one in lost_tests(make_sessions(before, behind))}
    assert found[lost] == names


def test_a_test_that_was_there_before_is_no_new_name():
    """It is new in the session where the other is gone, and not one that came earlier or came back."""
    (one,) = lost_tests(make_sessions("m.py::x=P", "m.py::x=P m.py::y=P", "m.py::y=P"))
    assert one.renamed == ()
    (one,) = lost_tests(make_sessions("m.py::y=P m.py::x=P", "m.py::x=P", "m.py::y=P"))
    assert (one.nodeid, one.renamed) == ("m.py::x", ())
