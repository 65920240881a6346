"""Profiles: the documented functions, hostile names, old files, and no change lost between processes or in a crash."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.storage import (
    ProfileManager,
    StorageProfile,
    create_profile,
    delete_profile,
    get_active_profile,
    get_profile_manager,
    get_storage_instance,
    list_profiles,
    switch_profile,
)
from pytest_insight.eventlog.errors import LogUnavailableError

LEGACY = Path(__file__).parent.parent / "data" / "legacy"
HOSTILE = [
    "",
    ".",
    "..",
    "../evil",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "a\0b",
    "-rf",
    ".hidden",
    "end.",
    "CON",
    "nul",
    "com1.txt",
    "profiles",
    "a b",
    "a\nb",
    "\u00e9",
    "x" * 65,
    "a:b",
    "~root",
    "$HOME",
]


def test_create_list_switch_delete(private_home):
    """The life of a profile, as the document tells it."""
    profile = create_profile("demo", "json", str(private_home / "data.json"))
    assert (profile.name, profile.storage_type, profile.file_path) == ("demo", "json", str(private_home / "data.json"))
    assert profile.created.tzinfo is UTC
    assert profile.created_by
    assert set(list_profiles()) == {"default", "demo"}
    assert get_active_profile().name == "default"
    assert switch_profile("demo").name == "demo"
    assert get_active_profile().name == "demo"
    assert get_storage_instance().file_path == private_home / "data.json"
    with pytest.raises(ValueError, match="Cannot delete the active profile"):
        delete_profile("demo")
    switch_profile("default")
    (private_home / "data.json").write_text("kept")
    assert delete_profile("demo").file_path == str(private_home / "data.json")
    assert (private_home / "data.json").read_text() == "kept", "deleting a profile keeps its data"
    assert set(list_profiles()) == {"default"}


def test_errors_are_those_of_the_document():
    """Each says in its words what is wrong."""
    create_profile("x")
    cases = {
        "Profile 'x' already exists": lambda: create_profile("x"),
        "Profile 'y' does not exist": lambda: switch_profile("y"),
        "Profile 'z' does not exist": lambda: delete_profile("z"),
        "Cannot delete the default profile": lambda: delete_profile("default"),
        "Unknown storage type 'sql'": lambda: create_profile("w", "sql"),
        "Unknown storage type 'xml'": lambda: list_profiles(storage_type="xml"),
    }
    for message, act in cases.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            act()
    with pytest.raises(ValueError, match="already exists"):
        create_profile("x", "memory")
    assert set(list_profiles()) == {"default", "x"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_everywhere(name, private_home):
    """No function makes a profile or a file of them."""
    for act in (create_profile, get_storage_instance if name else create_profile, get_profile_manager().ensure_profile):
        with pytest.raises(ValueError, match="Invalid profile name"):
            act(name)
    assert not list((private_home / "insight").glob("*")) if (private_home / "insight").exists() else True


@given(st.text(max_size=70))
def test_a_name_that_is_taken_is_a_safe_file_name(name):
    """What passes is letters, digits, dot, underscore and dash, and no more than 64 of them."""
    try:
        StorageProfile(name)
    except ValueError:
        return
    assert len(name) <= 64
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert name[0].isalnum()
    assert Path(name).name == name


def test_the_environment_goes_before_the_file_and_a_name_before_both(monkeypatch):
    """PYTEST_INSIGHT_PROFILE overrides the active profile; an unknown one is created; an explicit name wins."""
    create_profile("filed")
    switch_profile("filed")
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "from-env")
    assert get_active_profile().name == "from-env"
    assert get_storage_instance().profile_name == "from-env"
    assert get_storage_instance("named").profile_name == "named"
    assert set(list_profiles()) == {"default", "filed", "from-env"}, "a name that is only read creates nothing"
    get_storage_instance("named").save_sessions([])
    assert set(list_profiles()) == {"default", "filed", "from-env", "named"}
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "../evil")
    with pytest.raises(ValueError, match="Invalid profile name"):
        get_active_profile()
    monkeypatch.delenv("PYTEST_INSIGHT_PROFILE")
    assert get_active_profile().name == "filed"


def test_memory_profiles_are_not_written_down():
    """They are listed and can be active, in this process; the file does not know them."""
    create_profile("mem", "memory")
    create_profile("disk")
    switch_profile("mem")
    assert get_active_profile().storage_type == "memory"
    assert list(list_profiles(storage_type="memory")) == ["mem"]
    assert set(ProfileManager().profiles) == {"default", "disk"}
    assert "mem" not in get_profile_manager().config_path.read_text()
    with pytest.raises(ValueError, match="active"):
        delete_profile("mem")
    switch_profile("disk")
    delete_profile("mem")
    assert "mem" not in list_profiles()


def test_filters_of_the_list_are_combined():
    """Type and glob, both."""
    for name, kind in (("test-a", "json"), ("test-b", "memory"), ("prod", "json")):
        create_profile(name, kind)
    assert list(list_profiles(pattern="test-*")) == ["test-a", "test-b"]
    assert list(list_profiles("json", "test-*")) == ["test-a"]
    assert list(list_profiles("memory")) == ["test-b"]


def test_an_old_profiles_file_is_read(tmp_path):
    """The file of the earlier plugin: profiles, paths, naive times as local ones; its unknown keys are kept."""
    path = tmp_path / "profiles.json"
    path.write_bytes((LEGACY / "profiles.json").read_bytes())
    manager = ProfileManager(path)
    assert set(manager.profiles) == {"default", "mini", "prac"}
    assert manager.profiles["mini"].file_path == "/home/dev/.pytest_insight/profiles/mini.json"
    assert manager.profiles["mini"].created.tzinfo is UTC
    data = json.loads(path.read_text()) | {"future": {"x": 1}}
    path.write_text(json.dumps(data))
    manager._create_profile("new", file_path=tmp_path / "new.jsonl")
    kept = json.loads(path.read_text())
    assert kept["future"] == {"x": 1}
    assert kept["profiles"]["mini"] == data["profiles"]["mini"]


def test_round_trip_of_a_profile():
    """to_dict and from_dict are each other's inverse."""
    profile = create_profile("x")
    assert StorageProfile.from_dict(profile.to_dict()) == profile
    assert StorageProfile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile


def test_a_broken_file_says_what_to_do_and_is_not_overwritten(private_home):
    """Nobody's profiles are lost because a file could not be read."""
    path = private_home / "insight" / "profiles.json"
    path.parent.mkdir()
    for content in ('{"profiles": ', "[]", '{"profiles": [1]}', '{"profiles": {"a": 1}}'):
        path.write_text(content)
        with pytest.raises(LogUnavailableError, match=r"profiles\.json.*correct"):
            create_profile("x")
        assert path.read_text() == content


def test_modes_are_private(private_home):
    """The home, the file and its lock are nobody else's business, whatever the umask."""
    old = os.umask(0)
    try:
        create_profile("x")
        get_storage_instance("x").clear_sessions()
        get_storage_instance("y").save_sessions([])
    finally:
        os.umask(old)
    for file in (private_home / "insight").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


WORKER = """
import sys
from pytest_insight.core.storage import ProfileManager
manager = ProfileManager(sys.argv[1])
for n in range(int(sys.argv[3])):
    name = f"{sys.argv[2]}-{n}"
    manager._create_profile(name)
    if n % 3 == 0:
        manager.delete_profile(name)
    elif n % 3 == 1:
        manager.switch_profile(name)
    print(name, flush=True)
"""


def test_processes_do_not_lose_each_others_profiles(tmp_path):
    """Eight processes create, delete and switch at once: what each was told is done, is done."""
    path = tmp_path / "profiles.json"
    command = [sys.executable, "-c", WORKER, str(path)]
    processes = [subprocess.Popen([*command, f"w{n}", "9"], stdout=subprocess.PIPE) for n in range(8)]
    assert [process.wait(300) for process in processes] == [0] * 8
    for process in processes:
        process.stdout.close()
    expected = {f"w{w}-{n}" for w in range(8) for n in range(9) if n % 3}
    manager = ProfileManager(path)
    assert set(manager.profiles) - {"default"} == expected
    assert manager.active_profile_name in {name for name in expected if int(name[-1]) % 3 == 1}


def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    """Killed at any moment: every profile that was reported is there, and the file is whole."""
    path = tmp_path / "profiles.json"
    rng = random.Random(1)
    done: set[str] = set()
    for round_ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER.replace("n % 3 == 0", "False"), str(path), f"r{round_}", "10000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(rng.randint(1, 25)):
            done.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        done |= {line for line in process.communicate()[0].split("\n")[:-1] if line}
        assert done <= set(ProfileManager(path).profiles)
    assert len(done) > 50


@pytest.mark.parametrize("storage_type", ["json", "memory"])
@pytest.mark.parametrize("content", [b"a text\n", b'{"v":1,"type":"session.started"}\n', b'{"a": 1}', b"[]"])
def test_a_file_of_another_kind_does_not_become_a_log(content, storage_type, tmp_path):
    """Whatever the type of the profile; neither the file nor the list of profiles is touched."""
    file = tmp_path / "notes.jsonl"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.jsonl: is .*choose another file, nothing was written"):
        create_profile("x", storage_type, file)
    assert file.read_bytes() == content
    assert set(list_profiles()) == {"default"}
