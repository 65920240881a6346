"""Log that a run is recorded into: a path, a profile on disk, or a profile in memory."""

import json
import os
from pathlib import Path

import pytest
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.home.paths import PROFILES_FILE
from pytest_insight.eventlog.targets.memory_profiles import drop_memory_log, open_memory_log
from pytest_insight.plugin.lifecycle.target import log_target, memory_log


@pytest.fixture
def home(private_home):
    """The home of pytest-insight in this test; it does not exist yet."""
    return private_home / "insight"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("a.jsonl", "{folder}/a.jsonl"),
        ("../a.jsonl", "{parent}/a.jsonl"),
        ("/x/./y/../a.jsonl", "/x/a.jsonl"),
        ("~/a.jsonl", "{user}/a.jsonl"),
        ("x/~/a.jsonl", "{folder}/x/~/a.jsonl"),
    ],
)
def test_a_given_path_is_relative_to_the_folder_of_the_run(home, tmp_path, log, expected):
    """It wins over a profile, and no profile is created; the name of a profile that is not used need not be valid."""
    path, profile = log_target(log, "not/valid", tmp_path)
    places = {"folder": tmp_path, "parent": tmp_path.parent, "user": os.environ["HOME"]}
    assert (str(path), profile) == (expected.format(**places), "")
    assert not home.exists()


def test_a_link_in_the_path_is_not_followed(tmp_path):
    """Whether a link may be written to is decided where the log is opened."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert log_target("link/a.jsonl", "", tmp_path)[0] == tmp_path / "link" / "a.jsonl"


@pytest.mark.parametrize(
    ("given_name", "variable", "active", "expected"),
    [
        ("one", "two", "three", "one"),
        ("", "two", "three", "two"),
        ("", "", "three", "three"),
        ("", "", "", "default"),
    ],
)
def test_the_profile_is_the_first_that_is_named(home, tmp_path, monkeypatch, given_name, variable, active, expected):
    """The option, the environment, the active profile, the default one."""
    home.mkdir()
    (home / PROFILES_FILE).write_text(json.dumps({"active_profile": active, "profiles": {}}))
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", variable)
    path, profile = log_target("", given_name, tmp_path)
    assert (path.parent, path.name.partition(".")[0], profile) == (home, expected, expected)


def test_a_new_profile_is_registered_and_the_default_one_needs_no_file(home, tmp_path):
    """So that it is listed; a run that uses no profile leaves nothing behind."""
    log_target("", "", tmp_path)
    assert not home.exists()
    log_target("", "nightly", tmp_path)
    assert list(json.loads((home / PROFILES_FILE).read_text())["profiles"]) == ["nightly"]


def test_a_profile_may_have_its_log_elsewhere(home, tmp_path):
    """As `profiles.json` names it."""
    home.mkdir()
    stored = {"active_profile": "", "profiles": {"far": {"file_path": str(tmp_path / "x" / ".." / "far.jsonl")}}}
    (home / PROFILES_FILE).write_text(json.dumps(stored))
    assert log_target("", "far", tmp_path) == (tmp_path / "far.jsonl", "far")


@pytest.mark.parametrize("name", ["a/b", "..", "con", "x" * 65, "profiles"])
def test_an_invalid_name_is_refused(tmp_path, name):
    """It would lead to another file, or to none."""
    for function in (lambda: log_target("", name, tmp_path), lambda: memory_log("", name)):
        with pytest.raises(ValueError, match="Invalid profile name"):
            function()


def test_profiles_that_cannot_be_read_stop_the_recording_and_nothing_else(home, tmp_path):
    """Which log is meant is not known; guessing would write into a wrong one."""
    home.mkdir()
    (home / PROFILES_FILE).write_text("{")
    with pytest.raises(LogUnavailableError, match="cannot be read"):
        log_target("", "nightly", tmp_path)
    assert (home / PROFILES_FILE).read_text() == "{"


def test_a_home_that_cannot_be_written_still_names_a_log(home, tmp_path, monkeypatch):
    """Registering is tried again by the next run; the error of opening the log is the clear one."""
    home.write_text("a file")
    assert log_target("", "nightly", tmp_path) == (home / "nightly.jsonl", "nightly")
    assert home.read_text() == "a file"


def test_a_memory_profile_is_found_by_its_home_and_name(home):
    """Only in the process that created it, and not where a log is given by its path."""
    file = home / PROFILES_FILE
    target = open_memory_log(file, "mem")
    try:
        assert memory_log("", "mem") == (target, "mem")
        assert memory_log("", "other") is None
        assert memory_log("a.jsonl", "mem") is None
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTEST_INSIGHT_HOME", str(Path("/elsewhere")))
            assert memory_log("", "mem") is None
    finally:
        drop_memory_log(file, "mem")
    assert memory_log("", "mem") is None
