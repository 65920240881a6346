"""Names of systems, sessions and commits that are cut short: the one that is meant, or a message with what there is."""

import pytest
from pytest_insight.core.history.references import session_named, sessions_of_commit, span_named, sut_named
from pytest_insight.core.naming.nearest import did_you_mean, nearest_name
from small_histories import HOUR_US
from small_rows import RowsInMemory, make_row

ABC, ABD = "abcd1" + "0" * 35, "abcd2" + "0" * 35


pytestmark = pytest.mark.usefixtures("no_git_refs")


@pytest.fixture
def model():
    """Return sessions of three systems and two commits that begin alike."""
    return RowsInMemory(
        make_row(1, "ci-1", commit=ABC),
        make_row(2, "ci-2", commit=ABC),
        make_row(3, "nightly", commit=ABD),
        make_row(4, "abcd", sut="shop-next", commit="e" * 40),
        make_row(5, "other", sut="pay"),
    )


@pytest.mark.parametrize(
    ("text", "sut"), [("shop", "shop"), ("shop-", "shop-next"), ("shop-next", "shop-next"), ("p", "pay")]
)
def test_a_system_is_meant_by_its_name_or_by_a_beginning_that_no_other_has(model, text, sut):
    """A whole name is meant although another one begins so."""
    assert sut_named(model, text) == sut


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sho", "'sho' is the beginning of 2 systems under test: shop, shop-next"),
        ("shpo", "no system under test is called 'shpo'; did you mean shop?"),
        ("zzz", "no system under test is called 'zzz'; there are pay, shop, shop-next"),
    ],
)
def test_a_system_that_is_not_known_is_told_with_the_nearest_or_all(model, text, message):
    """And one that is not unique with all that begin so."""
    with pytest.raises(LookupError) as error:
        sut_named(model, text)
    assert str(error.value) == message


def test_of_many_systems_five_are_named():
    """More are told by an ellipsis, and none at all by nothing."""
    with pytest.raises(LookupError, match=r"there are a0, a1, a2, a3, a4, \.\.\.$"):
        sut_named(RowsInMemory(*(make_row(n, sut=f"a{n}") for n in range(6))), "zzz")
    with pytest.raises(LookupError, match=r"there are a0, a1, a2, a3, a4$"):
        sut_named(RowsInMemory(*(make_row(n, sut=f"a{n}") for n in range(5))), "zzz")
    with pytest.raises(LookupError, match=r"is called 'zzz'$"):
        sut_named(RowsInMemory(), "zzz")


@pytest.mark.parametrize(
    ("text", "session"), [("ni", "nightly"), ("abcd", "abcd"), ("abcd2", "nightly"), ("ci-1", "ci-1")]
)
def test_a_session_is_meant_by_its_id_or_by_a_commit_that_has_only_one(model, text, session):
    """An id comes before a hash that begins so."""
    assert session_named(model, text).session_id == session


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abcd1", "commit 'abcd1' has 2 sessions: ci-2, ci-1; name one of them"),
        ("nigthly", "did you mean nightly?"),
        ("zzz", "the newest are other, abcd, nightly, ci-2, ci-1"),
        ("ffff", "no session has an id that begins with 'ffff', and no commit a hash"),
    ],
)
def test_a_session_that_is_not_known_is_told_with_what_there_is(model, text, message):
    """The sessions of the commit, the nearest name, or the newest ones."""
    with pytest.raises(LookupError) as error:
        session_named(model, text)
    assert message in str(error.value)


def test_a_log_without_or_with_one_session_says_so():
    """There is nothing to choose from."""
    with pytest.raises(LookupError, match="record one with"):
        session_named(RowsInMemory(), "x")
    with pytest.raises(LookupError, match=r"there is only$"):
        session_named(RowsInMemory(make_row(1, "only")), "zzz")


@pytest.mark.parametrize(
    ("text", "sessions"),
    [("abcd1", ["ci-2", "ci-1"]), ("ABC", []), ("abc", []), ("eeee", ["abcd"]), ("-k", []), ("a..b", [])],
)
def test_a_commit_is_meant_by_four_digits_of_its_hash_at_least(model, text, sessions):
    """Less, and what no hash and no ref can be, means none."""
    assert [row.session_id for row in sessions_of_commit(model, text)] == sessions


def test_a_beginning_that_two_commits_have_is_refused(model):
    """It is not known which of them is meant."""
    with pytest.raises(LookupError, match="'abcd' is the beginning of 2 commits"):
        sessions_of_commit(model, "abcd")


@pytest.mark.parametrize(("text", "span"), [("abcd1", (1, 2)), ("nightly", (3, 3)), ("ci-2", (2, 2)), ("zzz", None)])
def test_a_span_reaches_from_the_first_start_to_the_last_event(model, text, span):
    """Of all sessions of a commit, or of one session; of what is neither there is none."""
    expected = span and (span[0] * HOUR_US, span[1] * HOUR_US, span[1] * HOUR_US + 1000)
    assert span_named(model, text) == expected


@pytest.mark.parametrize(
    ("text", "names", "nearest"),
    [
        ("shpo", ["shop", "ship"], "shop"),
        ("SHOP", ["Shop"], "Shop"),
        ("nightly-2", ["nightly-1"], "nightly-1"),
        ("xyz", ["shop"], ""),
        ("", ["shop"], ""),
        ("shop", [], ""),
    ],
)
def test_the_nearest_name_is_like_the_text_in_any_case(text, names, nearest):
    """Written as it is known; a text that is like none has none."""
    assert nearest_name(text, names) == nearest
    assert did_you_mean(text, iter(names)) == (f"; did you mean {nearest}?" if nearest else "")
