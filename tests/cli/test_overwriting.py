"""Nothing that writes a file for the user replaces a log of a profile, its model or the list of profiles."""

import json
import os
import subprocess
import sys

import pytest
import warm
from pytest_insight.cli.app import run
from pytest_insight.core.storage import create_profile, get_storage_instance
from pytest_insight.eventlog.events import SessionFinished, SessionStarted
from pytest_insight.eventlog.writer import LogWriter


def record(path, *labels):
    """Append one sealed session per label."""
    for label in labels:
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=label, sut=label))
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    return path


@pytest.fixture
def home(private_home):
    """The home of a profile `default` with two sessions, and of one whose log lies elsewhere."""
    folder = private_home / "insight"
    record(folder / "default.jsonl", "shop", "other")
    create_profile("far", file_path=private_home / "far.jsonl")
    record(private_home / "far.jsonl", "far-1")
    assert run(["session", "list"]) == 0
    return folder


def own_files(home):
    """Files of every kind that belong to pytest-insight."""
    models = sorted((home / "models").glob("*.sqlite"))
    assert models
    return [home / "default.jsonl", home / "profiles.json", models[0], home.parent / "far.jsonl"]


@pytest.mark.parametrize("kind", range(4), ids=["log", "profiles.json", "model", "log elsewhere"])
@pytest.mark.parametrize("how", ["export", "export --force", "csv", "json", "merge", "merge --force", "api", "link"])
def test_output_onto_an_own_file_is_refused(home, tmp_path, capsys, kind, how):
    """The exit code is 3, the message says what the file is, and no byte changes, with --force or not."""
    path = own_files(home)[kind]
    before = path.read_bytes()
    other = record(tmp_path / "c.jsonl", "c")
    if how == "api":
        with pytest.raises(FileExistsError, match=r"pytest-insight's own folder|log of profile far"):
            get_storage_instance("default").export_sessions(path)
    else:
        target = path
        if how == "link":
            target = tmp_path / "link.jsonl"
            target.symlink_to(path)
        words = {
            "csv": ["export", str(path), "--format", "csv", "--force"],
            "json": ["export", str(path), "--format", "json", "--force"],
            "merge": ["merge", str(other), "-o", str(path)],
            "merge --force": ["merge", str(other), "-o", str(path), "--force"],
        }.get(how, ["export", str(target), "--sut", "shop", *how.split()[1:]])
        assert run(words) == 3
        assert "choose another file for the output" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_another_file_is_replaced_only_with_force(home, tmp_path, capsys):
    """A file with content needs --force; an empty one, as mktemp makes it, does not."""
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    assert run(["export", str(target)]) == 3
    assert "--force replaces it" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert run(["export", str(target), "--force"]) == 0
    assert target.read_text() != "mine"
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert run(["export", str(empty)]) == 0


def test_output_that_is_appended_to_an_own_log_is_refused_before_it_is_written(home):
    """`insight session list --json >> log` leaves the log as it is; into any other file it works."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_CURRENT")}
    command = [sys.executable, "-m", "pytest_insight.cli", "session", "list", "--json"]
    log = home / "default.jsonl"
    before = log.read_bytes()
    with log.open("ab") as out:
        result = warm.run(command, stdout=out, stderr=subprocess.PIPE, text=True, env=environment)
    assert result.returncode == 3
    assert "own folder" in result.stderr
    assert log.read_bytes() == before
    with (home.parent / "list.json").open("wb") as out:
        assert warm.run(command, stdout=out, env=environment).returncode == 0
    assert len(json.loads((home.parent / "list.json").read_text())) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", '{"name":"my-app","dependencies":{"a":"1"}}'),
        ("data.json", '[{"a":1},{"b":2}]'),
        ("empty-list.json", "[]"),
        ("notes.txt", "some notes\n"),
        ("__init__.py", ""),
        ("module.py", "import os\n"),
        ("picture.png", "\x89PNG\r\n"),
    ],
)
def test_a_profile_cannot_take_a_file_of_another_kind(home, tmp_path, capsys, name, content):
    """It is refused when it is created, with the file named, and neither the file nor the list of profiles changes."""
    path = tmp_path / name
    path.write_bytes(content.encode())
    profiles = (home / "profiles.json").read_bytes()
    assert run(["profile", "create", "new", "--path", str(path)]) == 1
    assert f"{path}: " in capsys.readouterr().err
    assert path.read_bytes() == content.encode()
    assert (home / "profiles.json").read_bytes() == profiles


def test_a_profile_cannot_take_files_of_pytest_insight(home, tmp_path, capsys):
    """The list of profiles, a model, a folder and a FIFO are no logs."""
    fifo = tmp_path / "fifo.jsonl"
    os.mkfifo(fifo)
    for path in (home / "profiles.json", *(home / "models").glob("*.sqlite"), tmp_path, fifo):
        assert run(["profile", "create", "evil", "--path", str(path)]) == 1
    assert "evil" not in json.loads((home / "profiles.json").read_text())["profiles"]


def test_a_profile_can_take_a_log_an_empty_log_and_a_new_file(home, tmp_path, capsys):
    """What is a log, or can become one, is accepted."""
    (tmp_path / "empty.jsonl").touch()
    for name, path in (
        ("one", record(tmp_path / "log.jsonl", "x")),
        ("two", tmp_path / "empty.jsonl"),
        ("three", tmp_path / "new.jsonl"),
    ):
        assert run(["profile", "create", name, "--path", str(path)]) == 0, capsys.readouterr().err
