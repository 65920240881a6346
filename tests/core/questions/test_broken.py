"""Which tests are broken, since when and in which variants: a table by hand, and the definition counted slowly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.broken import broken_tests
from small_histories import BAD_LETTERS, GOOD_LETTERS, make_run, make_sessions, names_of, runs_of_letters

OLD, NEW = (("python", "3.11"),), (("python", "3.13"),)


@pytest.mark.parametrize(
    ("letters", "failing", "first_bad", "last_good"),
    [
        ("F", 1, "s1", None),
        ("PF", 1, "s2", "s1"),
        ("PFF", 2, "s2", "s1"),
        ("PFPF", 1, "s4", "s3"),
        ("FEC", 3, "s1", None),
        ("XF", 1, "s2", "s1"),
        ("xE", 1, "s2", "s1"),
        ("PSF", 1, "s3", "s1"),
        ("PFS", 1, "s2", "s1"),
        ("PFSF", 2, "s2", "s1"),
        ("PF K", 1, "s2", "s1"),
        ("PF?F", 2, "s2", "s1"),
    ],
)
def test_the_unbroken_row_of_bad_runs_at_the_end_counts(letters, failing, first_bad, last_good):
    """Skips, runs that the user interrupted, foreign outcomes and sessions without the test neither end nor lengthen it."""
    (one,) = broken_tests(runs_of_letters(letters))
    assert (one.failing_runs, one.first_bad.session) == (failing, first_bad)
    assert (one.last_good and one.last_good.session) == last_good
    assert [seen.session for seen in one.evidence][:1] == [first_bad]
    assert len(one.evidence) == failing


@pytest.mark.parametrize("letters", ["", "P", "FP", "FX", "Fx", "FPS", "FP ", "SS", "K", "?", "FPK"])
def test_a_test_whose_last_conclusive_run_is_good_is_not_broken(letters):
    """A skip or an interruption behind a good run changes nothing; nor does one without any other run."""
    assert broken_tests(runs_of_letters(letters)) == []


@given(st.lists(st.text("PFESCKxX? ", max_size=8), min_size=1, max_size=3))
def test_broken_is_what_the_slow_count_from_the_end_finds(tests):
    """Any histories of a few tests: those whose letters end in a bad one, once what tells nothing is taken out."""
    length = max(map(len, tests))
    rows = {f"t{number}": letters.ljust(length) for number, letters in enumerate(tests)}
    expected = {}
    for name, letters in rows.items():
        telling = [(at, one) for at, one in enumerate(letters, 1) if one in GOOD_LETTERS | BAD_LETTERS]
        goods = [at for at, one in telling if one in GOOD_LETTERS]
        bads = [at for at, one in telling if one in BAD_LETTERS and at > max(goods, default=0)]
        if bads:
            expected[name] = (len(bads), f"s{bads[0]}", f"s{goods[-1]}" if goods else None)
    texts = [" ".join(f"{name}={row[at]}" for name, row in rows.items() if row[at] != " ") for at in range(length)]
    found = broken_tests(make_sessions(*texts))
    what = {
        name: (one.failing_runs, one.first_bad.session, one.last_good and one.last_good.session)
        for name, one in zip(names_of(found), found, strict=True)
    }
    assert what == expected
    starts = [one.first_bad.started_us for one in found]
    assert starts == sorted(starts, reverse=True)


def test_tests_that_broke_in_one_session_are_in_order_of_their_names():
    """The newest break comes first, then the alphabet."""
    assert names_of(broken_tests(make_sessions("c=P a=F d=P b=P", "c=F a=F d=F b=F"))) == ["b", "c", "d", "a"]


def test_a_break_in_one_of_two_variants_names_it_and_counts_the_good_ones():
    """Good on the other variant, however late that ran, mends nothing."""
    runs = [make_run(1, "a=P", variant=OLD), make_run(2, "a=P", variant=NEW)]
    runs += [make_run(3, "a=F", variant=NEW), make_run(4, "a=P", variant=OLD)]
    (one,) = broken_tests(runs)
    assert (one.variants, one.good_variants) == (("python=3.13",), 1)
    assert (one.first_bad.session, one.last_good.session) == ("s3", "s2")


def test_a_break_in_all_variants_names_none_and_takes_the_earliest():
    """The runs of both count, the evidence is in order of time, and the variant that does not have the test is no good one."""
    runs = [make_run(1, "a=P", variant=OLD), make_run(2, "a=F", variant=NEW), make_run(3, "a=F", variant=OLD)]
    runs += [make_run(4, "a=F", variant=NEW), make_run(5, "b=P", variant=(("python", "3.14"),))]
    (one,) = broken_tests(runs)
    assert (one.variants, one.good_variants, one.failing_runs) == ((), 0, 3)
    assert (one.first_bad.session, one.last_good) == ("s2", None)
    assert [seen.session for seen in one.evidence] == ["s2", "s3", "s4"]


def test_each_branch_and_each_system_is_judged_alone():
    """One test can be broken in several places; sessions without a branch belong to the project's."""
    runs = [make_run(1, "a=F"), make_run(2, "a=F", branch="fix"), make_run(3, "a=P", branch="")]
    runs += [make_run(4, "a=F", sut="pay"), make_run(5, "a=P", branch="other")]
    assert {(one.sut, one.branch) for one in broken_tests(runs)} == {("shop", "fix"), ("pay", "main")}


def test_a_module_that_is_not_collected_is_broken_until_one_of_its_tests_runs():
    """Its last good run is the last session that had a test of it; sessions without either say nothing."""
    runs = [make_run(1, "m.py::x=F"), make_run(2, "a=P"), make_run(3, uncollected=("m.py",))]
    found = {one.nodeid: one for one in broken_tests(runs)}
    assert found["m.py"].last_good.session == "s1"
    assert found["m.py"].evidence[0].verdict == "error"
    assert "m.py" not in {one.nodeid for one in broken_tests([*runs, make_run(4, "m.py::y=F")])}


@pytest.mark.parametrize(
    ("good", "bad", "text"),
    [("a" * 40, "b" * 40, f"{'a' * 12}..{'b' * 12}"), ("", "b" * 40, f"?..{'b' * 12}"), ("", "", "")],
)
def test_the_range_of_commits_is_what_git_log_takes(good, bad, text):
    """Twelve digits of each; a question mark for the one that is not known, nothing if neither is."""
    (one,) = broken_tests([make_run(1, "a=P", commit=good), make_run(2, "a=F", commit=bad)])
    assert one.commit_range == text


def test_the_range_begins_where_a_test_was_good_and_ends_open_where_the_commit_is_not_known():
    """A good commit alone is worth telling."""
    (one,) = broken_tests([make_run(1, "a=P", commit="a" * 40), make_run(2, "a=F")])
    assert one.commit_range == f"{'a' * 12}..?"
