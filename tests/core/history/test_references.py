"""Words for systems, sessions and commits: a small store, each word with what it means or the message it gets."""

import pytest
from pytest_insight.core.history.references import session_named, sessions_of_commit, span_named, sut_named
from small_runs import model_of, scripted

A, B = "a" * 40, "ab" * 20


@pytest.fixture(scope="module")
def store():
    """Two sessions of one commit, one of another that begins alike, one of another system."""
    commits = [("nightly-1", A), ("nightly-2", A), ("quick", B), ("pay-1", "c" * 40)]
    lines = [
        scripted(name, at, vcs={"commit": commit, "branch": "main"}, sut="pay" if name == "pay-1" else "shop")
        for at, (name, commit) in enumerate(commits)
    ]
    with model_of(*lines, scripted("late", 9, sut="shop-next", vcs={})) as model:
        yield model


@pytest.mark.parametrize(
    ("word", "meant"),
    [("shop", "shop"), ("pay", "pay"), ("p", "pay"), ("shop-", "shop-next"), ("shop-next", "shop-next")],
)
def test_a_system_is_meant_by_its_name_or_a_beginning_of_its_own(store, word, meant):
    """A whole name comes before a beginning that another has too."""
    assert sut_named(store, word) == meant


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("s", "beginning of 2 systems under test: shop"),
        ("sho", "beginning of 2"),
        ("shpo", "did you mean shop?"),
        ("zzz", "there are "),
        ("", "beginning of 3"),
    ],
)
def test_a_word_for_no_system_or_several_is_an_error_that_names_them(store, word, message):
    """The nearest name, else what there is."""
    with pytest.raises(LookupError) as error:
        sut_named(store, word)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("last", "late"), ("quick", "quick"), ("q", "quick"), ("nightly-2", "nightly-2"), ("abab", "quick")],
)
def test_a_session_is_meant_by_a_beginning_of_its_id_or_its_only_commit(store, word, meant):
    """`last` is the newest."""
    assert session_named(store, word).session_id == meant


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("aaaa", "commit 'aaaa' has 2 sessions: nightly-2, nightly-1; name one of them"),
        ("nightly", "nightly-1"),
        ("nihgtly-1", "did you mean nightly-1?"),
        ("zzzzzzz", "the newest are late, pay-1, quick, nightly-2, nightly-1"),
    ],
)
def test_a_word_for_no_session_or_several_is_an_error(store, word, message):
    """It names sessions that there are."""
    with pytest.raises(LookupError) as error:
        session_named(store, word)
    assert message in str(error.value)


def test_an_empty_store_says_how_a_session_is_recorded():
    """And of one session that it is the only one."""
    with model_of() as model:
        with pytest.raises(LookupError, match="record one with `pytest --insight`"):
            session_named(model, "x")
        with pytest.raises(LookupError, match=r"no system under test is called 'x'$"):
            sut_named(model, "x")
    with model_of(scripted("only")) as model, pytest.raises(LookupError, match=r"there is only$"):
        session_named(model, "zzz")


def test_a_commit_needs_four_digits_and_may_not_be_ambiguous(store):
    """Its sessions are the newest first; fewer digits, or other letters, are no hash."""
    assert [row.session_id for row in sessions_of_commit(store, "aaaa")] == ["nightly-2", "nightly-1"]
    assert [row.session_id for row in sessions_of_commit(store, B)] == ["quick"]
    assert sessions_of_commit(store, "aba") == sessions_of_commit(store, "zzzz") == []


def test_a_git_ref_names_the_sessions_of_its_commit(store, monkeypatch):
    """A ref without sessions is an error that names commits which have some."""
    refs = {"v1": A, "HEAD": "d" * 40}
    monkeypatch.setattr("pytest_insight.core.naming.gitrefs.commit_of_ref", lambda text: refs.get(text, ""))
    assert len(sessions_of_commit(store, "v1")) == 2
    with pytest.raises(
        LookupError, match="HEAD is commit ddddddddd; no session ran on it; the newest with sessions are"
    ):
        sessions_of_commit(store, "HEAD")


def test_the_span_of_a_commit_reaches_from_its_first_session_to_the_end_of_its_last(store):
    """Of a session it is that session; of a word that is neither there is none."""
    rows = sessions_of_commit(store, "aaaa")
    span = span_named(store, "aaaa")
    assert (span.first_us, span.last_us) == (rows[1].started_us, rows[0].started_us)
    assert span.ended_us == rows[0].finished_us > span.last_us
    quick = span_named(store, "quick")
    assert quick.first_us == quick.last_us == session_named(store, "quick").started_us
    assert span_named(store, "zzzzz") is None
