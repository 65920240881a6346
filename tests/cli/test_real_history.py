"""The week of a small project, recorded by real runs in a real repository, asked through commands and the Python API."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile import ask
from pytest_insight.core.core_api import analyze, compare, query
from stories import STORY, load_script, load_story

MODULE = "test_report.py"
BROKEN = "test_stock.py::test_reserve"
HANGS = "test_payment.py::test_callback"
RATES = {"test_cart.py::test_rate[eur]", "test_cart.py::test_rate[usd]"}
SLOW = "test_search.py::test_by_name"
OLD_NAME, NEW_NAME = "test_search.py::test_by_price", "test_search.py::test_by_amount"
REMOVED = "test_voucher.py::test_old_voucher"
COUPON = "test_coupon.py::test_coupon"


class Shop:
    """The repository of the story, its home, and its commits by what happened in them."""

    def __init__(self, folder: Path, commits: dict[str, str]) -> None:
        self.repository = folder / "shop"
        self.home = folder / "home"
        self.commits = commits


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Record the story once; no test changes it."""
    folder = tmp_path_factory.mktemp("story")
    return Shop(folder, load_story().make_history(folder))


@pytest.fixture
def shop(recorded, monkeypatch):
    """Ask in the checkout, on its main branch."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(recorded.home))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(recorded.repository)
    return recorded


def text(command: str, code: int = 0) -> str:
    """Return what a command prints."""
    answer = ask(command, Path())
    assert answer.code == code, answer
    return answer.out


def data(command: str):
    """Return what a command prints as JSON."""
    return json.loads(text(f"{command} --json"))


def test_the_story_is_what_git_and_the_log_say(shop):
    """Five branches, two variants, and one session for each run."""
    branches = subprocess.run(
        ["git", "branch", "--format=%(refname:short)"], capture_output=True, text=True, check=True
    )
    assert set(branches.stdout.split()) == {"main", "coupons", "fix-stock", "new-driver", "release-1"}
    sessions = query().execute()
    assert len(sessions) == 35
    assert {session.sut_name for session in sessions} == {"shop"}


def test_what_is_broken_on_main_since_which_commit(shop):
    """The test that breaks on one database, with the commits around it, and the module that is not collected."""
    broken = {one.nodeid: one for one in analyze().broken_tests()}
    assert set(broken) == {BROKEN, MODULE}
    stock = broken[BROKEN]
    assert stock.last_good.commit == shop.commits["merged"]
    assert stock.first_bad.commit == shop.commits["broken"]
    assert [variant.startswith("db=postgres") or "db=postgres" in variant for variant in stock.variants] == [True]
    assert stock.good_variants == 1
    assert broken[MODULE].first_bad.commit == shop.commits["report"]
    for command in ("analytics summary", f"test show {BROKEN}", ""):
        said = text(command)
        assert shop.commits["broken"][:9] in said or shop.commits["merged"][:9] in said, command
        assert "db=postgres" in said, command


def test_another_branch_is_named_with_what_is_broken_there(shop):
    """What a branch breaks is no answer about main, and is not left out in silence."""
    others = {one.branch: one.broken for one in analyze().other_branches()}
    assert len(others["new-driver"]) == 10
    assert {name for name, broken in others.items() if broken} == {"new-driver"}
    assert "new-driver" in text("analytics summary")
    elsewhere = {one.nodeid for one in analyze().on_branch("new-driver").broken_tests()}
    assert elsewhere == set(others["new-driver"])
    assert not analyze().on_branch("fix-stock").broken_tests()


def test_what_hung(shop):
    """The test that ran when its session was killed: a cut run in each answer about it."""
    (cut,) = analyze().cut_tests()
    assert cut.nodeid == HANGS
    assert cut.run.session in text("analytics summary")
    assert [one.verdict for one in analyze().history_of(HANGS)].count("crashed") == 1
    assert "killed" in text(f"session show {cut.run.session}")
    assert "never failed" not in text(f"test show {HANGS}")


def test_what_is_flaky_by_which_evidence(shop):
    """The service that was away for two runs of unchanged commits; neither the outage nor the matrix is evidence."""
    flaky = {one.nodeid: one for one in analyze().flaky_tests()}
    assert set(flaky) == RATES | {HANGS}
    assert {one.rule for one in flaky.values()} == {"same-source"}
    for nodeid in RATES:
        assert flaky[nodeid].count == 2
        assert {one.commit for one in flaky[nodeid].evidence} == {shop.commits["begun"], shop.commits["broken"]}


def test_what_is_slower(shop):
    """The slow-down of main, between its commits, by one command."""
    result = compare().between_commits(shop.commits["broken"], shop.commits["slow"]).execute()
    assert [change.nodeid for change in result.slower_tests] == [SLOW]
    assert SLOW in text(f"session compare --base {shop.commits['broken'][:9]} --target {shop.commits['slow'][:9]}")


def test_a_matrix_of_two_commits_is_compared_variant_by_variant(shop):
    """What fails on one database at both commits is no new failure, whichever database ran last."""
    changes = data("session compare --base main~2 --target main~1")
    assert changes["new_failures"] == []
    assert [(change["nodeid"], change["variant"]) for change in changes["still_failing"]] == [(BROKEN, "db=postgres")]


def test_what_stopped_running(shop):
    """The removed test and the renamed one, with the commit, and the new name only as a candidate."""
    lost = {one.nodeid: one for one in analyze().lost_tests()}
    assert set(lost) == {OLD_NAME, REMOVED}
    assert all(one.gone_commit == shop.commits["slow"] for one in lost.values())
    assert list(lost[OLD_NAME].renamed) == [NEW_NAME]
    assert not lost[REMOVED].renamed
    assert "gone since" in text(f"test show {REMOVED}")


def test_what_to_run_again(shop):
    """The module that the last session could not collect, and the tests that did not run for that reason."""
    module, *tests = text("session rerun --dry-run").split()
    assert module == MODULE
    assert len(tests) == 9
    assert not {OLD_NAME, REMOVED} & set(tests)


FIGURES = (
    (re.compile(r"\b[0-9a-f]{9,12}\b"), "HASH"),
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?"), "DATE"),
    (re.compile(r"\b\d[\d.]* (us|ms|s|min|h|d)\b"), "SPAN"),
    (re.compile(r"\d+(\.\d+)?"), "N"),
    (re.compile(r"\b(un)?confirmed\b"), "CONFIRMED"),  # of a change of durations: a busy machine hides it
    (re.compile(r" +"), " "),
)
"""What differs from one recording of the story to the next."""


def without_figures(text: str) -> str:
    """Return a text without hashes, times and numbers."""
    for pattern, word in FIGURES:
        text = pattern.sub(word, text)
    return text


@pytest.mark.parametrize(("name", "answers_min"), [("README.md", 5), ("analysis.md", 8)])
def test_the_answers_in_the_documents_are_real(shop, name, answers_min):
    """Each answer on the page is what the command prints about this story."""
    answers = load_script(STORY.with_name("shop_answers.py"))
    [path] = [path for path in answers.PAGES if path.name == name]
    page = path.read_text()
    commands = [block[2] for block in answers.ANSWER.finditer(page)]
    assert len(commands) >= answers_min
    assert without_figures(answers.renewed(page, shop.repository.parent)) == without_figures(page)


def test_the_total_break_is_named_on_its_branch(shop):
    """Two sessions of one commit in which everything fails, with what the failures say."""
    outage = analyze().on_branch("new-driver").outage_now()
    assert (outage.bad, outage.considered, outage.sessions) == (10, 10, 2)
    assert outage.since_commit == shop.commits["driver"]
    assert "driver 4" in outage.message
    assert "10 of 10 fail" in text("analytics summary --branch new-driver")


def test_one_outage_between_good_sessions_is_no_break(shop):
    """It is named and counted, and no evidence that a test is flaky."""
    summary = analyze().summary()
    assert len(summary.set_aside) == 1
    (down,) = summary.set_aside
    assert "ConnectionError: db down" in text(f"session show {down}")
    history = {one.session: one.verdict for one in analyze().history_of("test_cart.py::test_total")}
    assert history[down] == "error"


def test_a_branch_that_was_merged_was_broken_only_there(shop):
    """Its first commit failed; nothing of that is told about main."""
    assert COUPON not in {one.nodeid for one in analyze().broken_tests()}
    verdicts = [one.verdict for one in analyze().on_branch("coupons").history_of(COUPON)]
    assert verdicts == ["failed", "passed"]


def test_a_partial_run_says_nothing_about_what_it_did_not_select(shop):
    """`-k cart` neither loses nor skips the other tests."""
    partial = next(session for session in query().execute() if len(session.test_results) == 4)
    answer = text(f"session compare --base {shop.commits['broken'][:9]} --target {partial.session_id}")
    assert "the other was not told to run them" in answer
    assert "missing tests" not in answer
    assert SLOW not in {one.nodeid for one in analyze().lost_tests()}
