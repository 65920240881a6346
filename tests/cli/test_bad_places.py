"""Full and read-only disks, killed commands, odd files in the place of the model, and the modes of what is written."""

import gzip
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from pytest_insight.cli.app import run
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.files.logfile import LogFile
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.home.paths import model_path
from pytest_insight.eventlog.maintenance.packing import pack_log
from pytest_insight.eventlog.maintenance.purge import purge_log
from pytest_insight.eventlog.maintenance.remains import remains_of
from pytest_insight.eventlog.maintenance.repair import repair_log
from pytest_insight.eventlog.writer import LogWriter

FAR_FUTURE = 1 << 60
TEMPORARY = (".purge", ".repair", ".pack", ".new", ".part", ".unfinished", ".setaside", ".convert")


def record(path, *labels, text="SECRETX", tests=3):
    """Append one sealed session per label."""
    for label in labels:
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=label, sut="shop"))
        for number in range(tests):
            writer.append(TestStarted(nodeid=f"t.py::{number}"))
            writer.append(TestFinished(nodeid=f"t.py::{number}", outcome="passed", capstdout=text))
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    return path


def listed(capsys, *words):
    """Return the ids that `session list` names."""
    capsys.readouterr()
    assert run(["session", "list", "--json", *words]) == 0
    return sorted(row["session_id"] for row in json.loads(capsys.readouterr().out))


def temporary_files(folder):
    """Return all files of a folder whose name says that they are not whole."""
    return [path for path in folder.rglob("*") if path.name.endswith(TEMPORARY)]


@pytest.fixture
def log(private_home):
    """The log of the default profile with two sessions."""
    return record(private_home / "insight" / "default.jsonl", "one", "two")


class FullDisk(System):
    """Fails every write, fsync or rename after some calls, as a disk does that is full."""

    def __init__(self, call, after):
        self._left = after
        for name in ("write", "fsync", "rename"):
            if name == call:
                setattr(self, name, self._failing(getattr(System, name)))

    def _failing(self, real):
        def fail(*args):
            if real is System.fsync and stat.S_ISDIR(os.fstat(args[0]).st_mode):
                return real(*args)  # the names are in place already
            self._left -= 1
            if self._left < 0:
                raise OSError(28, "No space left on device")
            return real(*args)

        return fail


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("command", ["pack", "purge", "repair"])
def test_rewriting_on_a_full_disk_leaves_nothing_behind(log, call, after, command):
    """Whichever call fails: the log is as it was or the command has succeeded; no temporary file or backup is left."""
    with log.open("ab") as stream:
        stream.write(b"garbage\n" if command == "repair" else b"")
    before = log.read_bytes()
    names = sorted(os.listdir(log.parent))
    system = FullDisk(call, after)
    try:
        if command == "pack":
            pack_log(log, FAR_FUTURE, system=system)
        elif command == "purge":
            purge_log(log, text=re.compile("SECRETX"), reason="r", system=system)
        else:
            repair_log(log, system=system)
    except (OSError, LogUnavailableError):
        assert log.read_bytes() == before
        assert sorted(name for name in os.listdir(log.parent) if not name.endswith(".packs")) == names
    assert temporary_files(log.parent) == []


def test_a_repair_that_fails_again_and_again_makes_one_backup_at_most(log):
    """A repair that a full disk stops, repeated, and then done: there is one backup, with the original bytes."""
    with log.open("ab") as stream:
        stream.write(b"garbage\n")
    before = log.read_bytes()
    for after in range(4):
        try:
            repair_log(log, system=FullDisk("write", after))
        except OSError:
            assert log.read_bytes() == before
    shutil.copyfile(log, f"{log}.broken") if log.read_bytes() == before else None  # as a killed repair leaves it
    repair_log(log)
    assert [path.read_bytes() for path in log.parent.glob("*.broken*")] == [before]


REMAINS = ["{log}.purge", "{log}.repair", "{log}.pack", "{log}.broken.unfinished", "{log}.packs/000001.jsonl.gz.pack"]


@pytest.mark.parametrize("command", ["pack", "purge", "repair"])
@pytest.mark.parametrize("remain", REMAINS)
def test_what_a_killed_command_left_is_named_by_verify_and_removed_by_the_next_one(log, capsys, command, remain):
    """Its name does not matter, nor whether the next command has anything else to do."""
    path = Path(remain.format(log=log))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(log.read_bytes()))
    assert run(["log", "verify"]) == 0
    assert path.name in capsys.readouterr().err
    secret = log.parent / "secret"
    secret.write_text("NOT-IN-THE-LOG")
    words = {
        "pack": ["log", "pack", "--older-than", "1d"],
        "purge": ["log", "purge", "--match-file", str(secret), "--force"],
        "repair": ["log", "repair"],
    }[command]
    assert run(words) in (0, 1)
    assert not path.exists()
    if command == "purge":
        assert path.name in capsys.readouterr().out


@pytest.mark.parametrize("name", ["{log}.copy", "{log}.bak", "{log}.purge.jsonl", "{log}.gz", "other.jsonl.purge"])
def test_files_of_the_user_beside_a_log_are_not_taken_for_remains(log, name):
    """A copy under a name of the user's own stays."""
    path = log.parent / Path(name.format(log=log)).name
    path.write_bytes(b"mine")
    repair_log(log)
    assert remains_of(log) == []
    assert path.read_bytes() == b"mine"


def test_parts_of_a_killed_export_go_with_the_next_and_those_in_use_stay(log, tmp_path):
    """A part that a living process holds locked is not removed."""
    target = tmp_path / "out.jsonl"
    stale, used = tmp_path / ".out.jsonl.0123abcd.part", tmp_path / ".out.jsonl.4567abcd.part"
    stale.write_bytes(b"x")
    fd = System().open_append(str(used))
    try:
        assert System().lock(fd)
        assert run(["export", str(target)]) == 0
    finally:
        os.close(fd)
    assert (stale.exists(), used.exists()) == (False, True)


# ------------------------------------------------------------------ the model


def _folder(path):
    path.mkdir()
    (path / "x").write_text("x")


def _dangling(path):
    path.symlink_to(path.parent / "nowhere")


ODD = {
    "folder": _folder,
    "fifo": os.mkfifo,
    "dangling link": _dangling,
    "text": lambda path: path.write_text("no database" * 1000),
    "zeros": lambda path: path.write_bytes(bytes(9000)),
    "foreign database": lambda path: sqlite3.connect(path).execute("CREATE TABLE meta (a)").connection.close(),
}


@pytest.mark.parametrize("odd", sorted(ODD))
def test_anything_in_the_place_of_the_model_is_replaced_or_passed_over(log, capsys, odd):
    """The answer is that of a good model."""
    model = model_path(log)
    model.parent.mkdir(parents=True, exist_ok=True)
    ODD[odd](model)
    assert listed(capsys) == ["one", "two"]
    assert not (model.parent / "nowhere").exists()


def test_a_link_in_the_place_of_the_model_never_leads_to_a_file_of_the_user(log, capsys, tmp_path):
    """A database of another program that it leads to keeps its bytes."""
    theirs = tmp_path / "theirs.sqlite"
    db = sqlite3.connect(theirs)
    db.execute("CREATE TABLE precious (a)")
    db.close()
    before = theirs.read_bytes()
    model_path(log).parent.mkdir(parents=True, exist_ok=True)
    model_path(log).symlink_to(theirs)
    assert listed(capsys) == ["one", "two"]
    assert theirs.read_bytes() == before


@pytest.mark.parametrize("made_before", [False, True])
def test_a_file_in_the_place_of_the_folder_of_models_does_not_hinder_answers(log, capsys, made_before):
    """Neither with a model that was made before nor without."""
    if made_before:
        assert listed(capsys) == ["one", "two"]
        shutil.rmtree(log.parent / "models")
    (log.parent / "models").write_text("x")
    assert listed(capsys) == ["one", "two"]


def test_a_foreign_lock_on_the_model_does_not_hold_a_question(log, capsys):
    """The lock is held until the answer is there: with an unbounded wait this test would not end well."""
    assert listed(capsys) == ["one", "two"]
    record(log, "three")
    db = sqlite3.connect(model_path(log), isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    try:
        assert listed(capsys) == ["one", "three", "two"]
    finally:
        db.execute("ROLLBACK")
        db.close()
    assert listed(capsys) == ["one", "three", "two"]


# ------------------------------------------------------------------ file systems of their own; they need privileges


def _mounted(*words):
    done = subprocess.run(["mount", *words], capture_output=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode:
        pytest.skip("no privilege to mount a file system")


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A file system of one megabyte with the home on it; give it and what fills it up."""
    disk = tmp_path / "disk"
    disk.mkdir()
    _mounted("-t", "tmpfs", "-o", "size=1m", "none", str(disk))
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(disk / "home"))

    def fill(free):
        with (disk / "fill").open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(4096))
            except OSError:
                pass
            stream.truncate(max(os.fstat(stream.fileno()).st_size - free, 0))

    yield disk, fill
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("free", [0, 40_000, 200_000])
@pytest.mark.parametrize(
    "words",
    [
        "session list",
        "analytics summary",
        "test list",
        "replay",
        "log verify",
        "log repair",
        "log pack --older-than 0s",
        "log purge --regex SECRETX --force",
        "export {disk}/e.jsonl",
        "export {disk}/e.csv",
        "profile create p1",
        "clear --older-than 1d --force",
    ],
)
def test_on_a_full_disk_questions_are_answered_and_nothing_is_left(small_disk, capsys, free, words):
    """A question exits 0; any other command does what it says or leaves the log as it was, and no temporary file."""
    disk, fill = small_disk
    log = record(disk / "home" / "default.jsonl", *(f"s{number}" for number in range(20)), text="SECRETX" * 800)
    if "repair" in words:
        with log.open("ab") as stream:
            stream.write(b"garbage\n")
    before = log.read_bytes()
    fill(free)
    code = run(words.format(disk=disk).split())
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    assert "Errno" not in errors
    if words.split()[0] in ("session", "analytics", "test", "replay") or words == "log verify":
        assert code == 0
    if code == 3:
        assert log.read_bytes() == before
    assert temporary_files(disk) == []


def test_a_read_only_home_without_a_model_answers_every_question(log, capsys, tmp_path):
    """As with a bind mount of CI that may be read only."""
    capsys.readouterr()
    home = tmp_path / "ro"
    home.mkdir()
    _mounted("--bind", str(log.parent), str(home))
    try:
        _mounted("-o", "remount,ro,bind", str(home))
        environment = {**os.environ, "PYTEST_INSIGHT_HOME": str(home)}
        for words in ("session list", "session show last", "analytics summary", "test list", "sut list", "history list",
                      "log verify", "log info", "tail", "export -", "profile list", "replay --check"):  # fmt: skip
            command = [sys.executable, "-m", "pytest_insight.cli", *words.split()]
            done = warm.run(command, env=environment, capture_output=True, text=True, check=False)
            assert (done.returncode, bool(done.stdout)) == (0, True), (words, done.stderr)
        assert sorted(os.listdir(home)) == ["default.jsonl"]
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


# ------------------------------------------------------------------ modes


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o022])
def test_everything_that_holds_recorded_text_is_private_and_exports_follow_the_umask(private_home, tmp_path, umask):
    """Walk all that a recording and every writing command leave in a home that did not exist."""
    (tmp_path / "test_a.py").write_text("def test_a(): print('SECRETX')\n")
    (tmp_path / "secret").write_text("SECRETX")
    before = os.umask(umask)
    try:
        command = [sys.executable, "-m", "pytest", "-q", "--insight", "-p", "no:cacheprovider", "test_a.py"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        done = warm.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        log = private_home / "insight" / "default.jsonl"
        with log.open("ab") as stream:
            stream.write(b"garbage\n")
        export = tmp_path / "out.jsonl"
        for words in (["session", "list"], ["log", "repair"], ["profile", "create", "p1"], ["export", str(export)],
                      ["import", str(export), "-p", "p1"], ["log", "pack", "--older-than", "0s"],
                      ["log", "unpack"], ["log", "purge", "--match-file", str(tmp_path / "secret"), "--force"],
                      ["replay"], ["log", "pack", "--older-than", "0s"], ["session", "list"]):  # fmt: skip
            assert run(words) in (0, 1), words
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in (private_home / "insight").rglob("*")}
    assert {"default.jsonl", "default.jsonl.broken", "profiles.json", "p1.jsonl"} <= {path.name for path in found}
    assert any(path.suffix == ".sqlite" for path in found)
    assert any(path.name.endswith(".jsonl.gz") for path in found)
    wrong = {str(path): oct(mode) for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)}
    assert wrong == {}
    assert stat.S_IMODE((private_home / "insight").stat().st_mode) == 0o700
    assert stat.S_IMODE(export.stat().st_mode) == 0o666 & ~umask


def test_the_journal_of_the_model_is_private_while_it_is_written(log, capsys):
    """SQLite gives it the mode of the database, also of one that an earlier release made readable for all."""
    assert listed(capsys) == ["one", "two"]
    model_path(log).chmod(0o644)
    assert listed(capsys) == ["one", "two"]
    db = sqlite3.connect(model_path(log), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE more (a)")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in model_path(log).parent.iterdir()}
    db.execute("ROLLBACK")
    db.close()
    assert len(modes) == 2
    assert set(modes.values()) == {0o600}


# ------------------------------------------------------------------ places that are no place for a log


@pytest.mark.parametrize(
    "name", ["profiles.json", "profiles.json.lock", "models/x.jsonl", "default.jsonl.packs/a.jsonl"]
)
def test_a_profile_does_not_take_a_place_of_our_own_even_before_it_is_there(private_home, capsys, name):
    """In a home that is still empty."""
    assert run(["profile", "create", "evil", "--path", str(private_home / "insight" / name)]) == 1
    assert "nothing was written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["__init__.py", "py.typed", "conftest.py", "a.txt", "a.toml"])
def test_an_empty_file_of_another_kind_is_not_taken_for_a_log(tmp_path, name):
    """A new file of that name is, and an empty one with the name of a log."""
    path = tmp_path / name
    path.write_bytes(b"")
    path.chmod(0o644)
    with pytest.raises(LogUnavailableError, match="another kind"):
        LogFile(path)
    assert path.read_bytes() == b""
    path.unlink()
    LogFile(path).close()
    (tmp_path / "a.jsonl").write_bytes(b"")
    LogFile(tmp_path / "a.jsonl").close()


@pytest.mark.parametrize("inputs", ["a.jsonl", "folder"])
def test_merge_does_not_replace_an_input_even_with_force(tmp_path, inputs, capsys):
    """An input with a damaged line would lose it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    log = record((folder if inputs == "folder" else tmp_path) / "a.jsonl", "a")
    with log.open("ab") as stream:
        stream.write(b"garbage\n")
    before = log.read_bytes()
    other = record(tmp_path / "b.jsonl", "b")
    assert run(["merge", str(tmp_path / inputs), str(other), "-o", str(log), "--force"]) == 3
    assert "is an input" in capsys.readouterr().err
    assert log.read_bytes() == before
