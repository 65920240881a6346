"""What is compared: with no word, with one, with two; by id, commit, git ref, branch, system and span of time."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import EIGHT, START, all_of, write_session
from pytest_insight.cli.app import run

ONE_FAILS = [*all_of("failed", EIGHT[:1]), *all_of("passed", EIGHT[1:])]


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """A way to write sessions and to compare: the ids of both sides, with the rest of the JSON."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log.jsonl"

    def ask(*words, sessions=None, code=0, command=("session", "compare")):
        if sessions is not None:
            log.write_bytes(b"".join(sessions))
        status = run([*command, *words, "--log", str(log), "--json"])
        output = capsys.readouterr()
        assert status == code, output.err
        return json.loads(output.out) if code == 0 else output.err

    return ask


def sides(answer):
    """The sessions of both sides."""
    return answer["base_sessions"], answer["target_sessions"]


def test_without_words_the_newest_is_compared_with_the_one_before_of_its_series(compare):
    """Sessions of other systems, branches and variants in between are passed over."""
    answer = compare(
        sessions=[
            write_session("before", 0, all_of("passed")),
            write_session("other-branch", 1, all_of("passed"), branch="fix"),
            write_session("other-python", 2, all_of("passed"), python="3.13.1"),
            write_session("other-sut", 3, all_of("passed"), sut="till"),
            write_session("newest", 4, ONE_FAILS),
        ]
    )
    assert sides(answer) == (["before"], ["newest"])
    assert [change["nodeid"] for change in answer["new_failures"]] == EIGHT[:1]
    assert (answer["base_mode"], answer["target_mode"], answer["notes"]) == ("session", "session", [])


@pytest.mark.parametrize(
    ("newest", "base"),
    [({"args": ["-k", "test_0"], "deselected": 7}, "part"), ({}, "whole"), ({"args": ["-k", "other"]}, "whole")],
)
def test_the_one_before_was_told_to_run_the_same_tests(compare, newest, base):
    """A run with -k is compared with one with the same -k; one that has none before it, and a whole one, with a whole one."""
    answer = compare(
        sessions=[
            write_session("whole", 0, all_of("passed")),
            write_session("part", 1, all_of("passed", EIGHT[:1]), args=["-k", "test_0"], deselected=7),
            write_session("newest", 2, ONE_FAILS, **newest),
        ]
    )
    assert sides(answer) == ([base], ["newest"])
    assert bool(answer["notes"]) == (newest.get("args") == ["-k", "other"])


def test_a_killed_session_is_compared_with_the_whole_one_before(compare):
    """What was running when it was killed is a new failure; what it did not reach is no difference."""
    answer = compare(
        sessions=[
            write_session("before", 0, all_of("passed")),
            write_session("killed", 1, [*all_of("passed", EIGHT[:2]), (EIGHT[2], None)], seal=False),
        ]
    )
    assert sides(answer) == (["before"], ["killed"])
    assert [(one["nodeid"], one["after"]) for one in answer["new_failures"]] == [(EIGHT[2], "crashed")]
    assert (answer["missing_tests"], len(answer["not_selected"])) == ([], 5)


def test_the_first_session_of_a_branch_is_compared_with_the_project(compare):
    """With the newest one of the project's branch, which is said."""
    answer = compare(
        sessions=[
            write_session("main-0", 0, all_of("passed")),
            write_session("main-1", 1, all_of("passed")),
            write_session("old", 1.5, all_of("passed"), branch="old"),
            write_session("fix-0", 2, ONE_FAILS, branch="fix"),
        ]
    )
    assert sides(answer) == (["main-1"], ["fix-0"])
    assert "no session before on branch fix" in answer["notes"][0]


def test_main_against_my_branch_is_one_word(compare):
    """`--base main`: the newest whole session of main, of the same variant, with the newest session of all."""
    sessions = [
        write_session("main-0", 0, all_of("passed")),
        write_session("main-1", 1, all_of("passed")),
        write_session("main-win", 2, all_of("failed"), platform="win32"),
        write_session("main-part", 3, all_of("failed", EIGHT[:1]), args=["-k", "test_0"], deselected=7),
        write_session("fix-0", 4, ONE_FAILS, branch="fix"),
    ]
    answer = compare("--base", "main", sessions=sessions)
    assert (sides(answer), answer["base_mode"]) == ((["main-1"], ["fix-0"]), "branch")
    answer = compare("--base", "main", "--target", "fix")
    assert (sides(answer), answer["target_mode"]) == ((["main-1"], ["fix-0"]), "branch")
    on_main = compare("--base", "main", sessions=[*sessions[:3], write_session("main-2", 5, ONE_FAILS)])
    assert sides(on_main) == (["main-1"], ["main-2"])


def test_git_refs_commits_systems_and_spans(compare, tmp_path):
    """Each word is understood, and its meaning is named."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    commits = []
    subprocess.run([*git, "init", "-q", "-b", "trunk"], check=True)
    for number in range(3):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
        commits.append(subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip())
    subprocess.run([*git, "tag", "v1", "HEAD~2"], check=True)
    sessions = [
        write_session(f"s{n}", n, all_of("passed") if n < 2 else ONE_FAILS, vcs={"commit": commit, "dirty": False})
        for n, commit in enumerate(commits)
    ]
    sessions.append(write_session("till-0", 2.5, all_of("passed"), sut="till", vcs={"commit": "f" * 40}))
    day = f"{START + timedelta(hours=0):%Y-%m-%dT%H:%M}..{START + timedelta(hours=1, minutes=30):%Y-%m-%dT%H:%M}"
    asked = {
        ("--base", "HEAD~1", "--target", "HEAD"): ("commit", ["s1"], "commit", ["s2"]),
        ("--base", "v1", "--sut", "shop"): ("commit", ["s0"], "session", ["s2"]),
        ("--base", "trunk~1", "--target", "s2"): ("commit", ["s1"], "session", ["s2"]),
        ("--base", commits[0][:9], "--target", commits[2][:9]): ("commit", ["s0"], "commit", ["s2"]),
        ("--base", "s0", "--target", "last", "--sut", "shop"): ("session", ["s0"], "session", ["s2"]),
        ("--base", "till", "--target", "shop"): ("sut", ["till-0"], "sut", ["s0", "s1", "s2"]),
        ("--base", day, "--target", "s2"): ("period", ["s0", "s1"], "session", ["s2"]),
        ("--base", "shop"): ("sut", ["s0", "s1"], "session", ["s2"]),
        ("--target", "HEAD~1"): ("session", ["s0"], "commit", ["s1"]),
    }
    found = {}
    for words in asked:
        answer = compare(*words, sessions=sessions)
        found[words] = (answer["base_mode"], answer["base_sessions"], answer["target_mode"], answer["target_sessions"])
    assert found == asked
    assert found[("--base", "shop")] == asked[("--base", "shop")]


def test_analytics_compare_means_the_same(compare):
    """The other command with these options answers the same; --mode decides where a word has two meanings."""
    sessions = [
        write_session("main", 0, all_of("passed"), branch="fix"),
        write_session("two", 1, all_of("passed")),
        write_session("three", 2, ONE_FAILS),
    ]
    one = compare("--base", "main", sessions=sessions)
    assert one == compare("--base", "main", command=("analytics", "compare"))
    assert one["base_mode"] == "session"
    branch = compare("--base", "main", "--target", "three", "--mode", "branch", code=1)
    assert "no branch is called 'three'" in branch
    assert compare() == compare(command=("analytics", "compare"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mian",), "did you mean main?"),
        (("--base", "nothing-like-it"), "branches main, fix"),
        (("two", "two"), "both sides are the same (two)"),
        (("two",), "session two is the newest of shop; no session follows it"),
        (("--base", "2001-01-01"), "no session started within 2001-01-01; there are systems shop"),
        (("--base", "one", "one"), ""),
    ],
)
def test_a_missing_side_names_what_there_is(compare, words, message):
    """A mistyped word, an empty span, a session with itself."""
    sessions = [write_session("one", 0, all_of("passed"), branch="fix"), write_session("two", 1, all_of("passed"))]
    code = 2 if not message else 1
    assert message in compare(*words, sessions=sessions, code=code)
    alone = compare(sessions=sessions[:1], code=1)
    assert "session one is the first of shop; no session precedes it" in alone


def test_shards_of_one_run_are_one_side(compare):
    """A run of two shards is compared with the run before, not its shards with each other."""
    answer = compare(
        sessions=[
            write_session("a1", 0, all_of("passed", EIGHT[:4]), test_run="7"),
            write_session("a2", 0.1, all_of("passed", EIGHT[4:]), test_run="7"),
            write_session("b1", 1, all_of("passed", EIGHT[:4]), test_run="8"),
            write_session("b2", 1.1, all_of("failed", EIGHT[4:]), test_run="8"),
        ]
    )
    assert sides(answer) == (["a1", "a2"], ["b1", "b2"])
    assert (len(answer["new_failures"]), answer["missing_tests"], answer["new_tests"]) == (4, [], [])


def test_a_module_that_is_not_collected_is_a_new_failure(compare):
    """It failed; its tests, and those that pytest did not start after it, are not missing."""
    broken = write_session("broken", 1, [], uncollected=["test_shop.py"], status=2)
    good = [write_session(f"good-{n}", n, all_of("passed")) for n in (0, 2)]
    answer = compare(sessions=[good[0], broken])
    assert [change["nodeid"] for change in answer["new_failures"]] == ["test_shop.py"]
    assert answer["missing_tests"] == []
    mended = compare("broken", "good-2", sessions=[broken, good[1]])
    assert [change["nodeid"] for change in mended["new_passes"]] == ["test_shop.py"]
    assert mended["new_tests"] == []


@pytest.mark.parametrize("between", [{"seal": False}, {"uncollected": ["test_till.py"]}])
def test_a_session_that_did_not_run_all_its_tests_is_no_base(compare, between):
    """A killed one, and one that could not collect a module: the one before is compared with, which is said."""
    answer = compare(
        sessions=[
            write_session("good", 0, all_of("passed")),
            write_session(
                "cut", 1, [*all_of("passed", EIGHT[:2]), (EIGHT[2], None if "seal" in between else "passed")], **between
            ),
            write_session("newest", 2, ONE_FAILS),
        ]
    )
    assert sides(answer) == (["good"], ["newest"])
    assert answer["notes"] == ["session cut is between them, but did not run all its tests"]
    assert len(answer["new_failures"]) == 1


def test_a_side_never_holds_sessions_of_the_other(compare):
    """A span that holds the target, and a system with one of its sessions."""
    sessions = [write_session(f"s{n}", n, all_of("passed")) for n in range(3)]
    assert sides(compare("--base", "30d", "--target", "s2", sessions=sessions)) == (["s0", "s1"], ["s2"])
    assert sides(compare("--base", "s0", "--target", "shop")) == (["s0"], ["s1", "s2"])
