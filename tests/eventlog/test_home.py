"""The folder of pytest-insight: names of profiles, the file with them, and the name of a project."""

import json
import stat
import threading

import pytest
from pytest_insight.eventlog.errors import LogUnavailableError, ProfileError
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.home.paths import check_profile_name, is_own_log, profile_log
from pytest_insight.eventlog.home.profiles import ProfilesFile, new_entry, register_profile
from pytest_insight.eventlog.home.project import project_name


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["a", "A-1", "0", "a.b_c", "x" * 64])
def test_names_that_are_safe_files_everywhere(name):
    """They are returned unchanged."""
    assert check_profile_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a.", "x" * 65, "con", "NUL.txt", "profiles", "ä", "a\n"])
def test_names_that_are_not(name):
    """A path, a reserved device, a name that some system changes: refused with the rule."""
    with pytest.raises(ProfileError, match="1 to 64 letters"):
        check_profile_name(name)


def test_a_registered_profile_has_a_log_in_the_home(home):
    """Registering twice changes nothing; the default profile needs no entry."""
    register_profile("default")
    assert not home.exists()
    register_profile("ci")
    before = ProfilesFile().path.read_bytes()
    register_profile("ci")
    assert ProfilesFile().path.read_bytes() == before
    assert profile_log("ci") == home / "ci.jsonl"
    assert is_own_log(profile_log("ci"))
    assert not is_own_log(home.parent / "ci.jsonl")
    assert stat.S_IMODE(ProfilesFile().path.stat().st_mode) == 0o600


def test_unknown_keys_are_kept(home):
    """What another release wrote survives a change."""
    home.mkdir()
    (home / "profiles.json").write_text('{"later": [1], "profiles": {"a": {"colour": "red"}}}')
    register_profile("b")
    document = json.loads((home / "profiles.json").read_text())
    assert document["later"] == [1]
    assert document["profiles"]["a"] == {"colour": "red"}
    assert set(document["profiles"]) == {"a", "b"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"profiles": []}', '{"profiles": {"a": 1}}'])
def test_a_broken_file_is_named_and_not_replaced(home, text):
    """The message has the path and what to do; the bytes stay."""
    home.mkdir()
    path = home / "profiles.json"
    path.write_text(text)
    with pytest.raises(LogUnavailableError, match=r"profiles\.json: .*; correct or remove the file"):
        register_profile("b")
    assert path.read_text() == text


def test_a_change_that_raises_writes_nothing(home):
    """The file is not even created."""

    def fail(_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ProfilesFile().change(fail)
    assert not (home / "profiles.json").exists()


def test_changes_of_several_threads_are_all_kept(home):
    """Each reads what the others wrote, under the lock."""
    file = ProfilesFile(system=System())
    names = [f"p{number}" for number in range(12)]

    def add(name):
        file.change(lambda document: document["profiles"].setdefault(name, new_entry(name, home / name)))

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(file.read()["profiles"]) == sorted(names)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ""),
        ({"pyproject.toml": '[project]\nname = "shop"'}, "shop"),
        ({"pyproject.toml": '[tool.poetry]\nname = "old-shop"'}, "old-shop"),
        ({"pyproject.toml": "[tool]\n", "setup.cfg": "[metadata]\nname = cfg"}, "cfg"),
        ({"pyproject.toml": "not toml [", "setup.cfg": "[metadata]\nname = cfg"}, "cfg"),
        ({"pyproject.toml": "[project]\nname = 3"}, ""),
        ({"setup.cfg": "no section"}, ""),
    ],
)
def test_the_name_of_a_project(tmp_path, files, expected):
    """The first packaging file that has one; files that cannot be read have none."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert project_name(tmp_path) == expected
