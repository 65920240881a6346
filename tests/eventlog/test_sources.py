"""Logs by the paths that users name: which files are logs, and which belong to one."""

import os
import socket
import zipfile
from pathlib import Path

import pytest
from histories import write_session
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.sources import (
    Unread,
    as_source,
    find_logs,
    is_by_file,
    is_live_file,
    is_old_document,
    live_dir,
    live_dirs,
    live_files,
    live_stream,
    look_for_logs,
    pack_files,
    special_kind,
)

SESSION = write_session("s", 1, [("a::b", "passed")])


@pytest.mark.parametrize(
    ("log", "live", "earlier"),
    [
        ("log.jsonl", "log.live", "log.jsonl.spool"),
        ("log", "log.live", "log.spool"),
        ("a.b.jsonl", "a.b.live", "a.b.jsonl.spool"),
        ("log.json", "log.json.live", "log.json.spool"),
        (".jsonl", ".live", ".jsonl.spool"),
    ],
)
def test_the_folder_of_live_files_has_the_name_of_the_log(log, live, earlier):
    """Without the usual suffix; that of earlier releases had the whole name."""
    path = Path("/x") / log
    assert live_dir(path) == Path("/x") / live
    assert live_dirs(path) == [Path("/x") / live, Path("/x") / earlier]


@pytest.mark.parametrize(
    ("path", "stream", "is_live"),
    [
        ("/x/log.live/abc.jsonl", "abc", True),
        ("/x/log.live/abc.2.jsonl", "abc", True),
        ("/x/log.jsonl.spool/abc.jsonl", "abc", True),
        ("/x/live/abc.jsonl", "abc", False),
        ("/x/log.live.jsonl", "log", False),
    ],
)
def test_a_live_file_is_one_by_its_folder_and_names_its_stream(path, stream, is_live):
    """A further file of the same session has a number behind the stream."""
    assert live_stream(Path(path)) == stream
    assert is_live_file(Path(path)) is is_live


@pytest.mark.parametrize(
    ("name", "by_system"),
    [
        (".DS_Store", True),
        ("Thumbs.db", True),
        ("desktop.ini", True),
        ("._log.jsonl", True),
        ("__MACOSX/log.jsonl", True),
        ("a/__MACOSX/b/log.jsonl", True),
        ("a\\__MACOSX\\log.jsonl", True),
        ("a/.DS_Store", True),
        ("log.jsonl", False),
        ("__MACOSX", False),
        ("my__MACOSX/log.jsonl", False),
        ("_log.jsonl", False),
    ],
)
def test_files_that_a_system_creates_are_no_logs(name, by_system):
    """Beside the files of the user, in folders and archives of either notation."""
    assert is_by_file(name) is by_system


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"sessions": []}', True),
        (b'\n  [{"session_id"', True),
        (b"[", True),
        (b'{"v":1,"type":"x"}', False),
        (b' {"v":1,"type":"x"}', False),
        (b'{"v": 1}', False),
        (b'{"v2": 1}', True),
        (b"", False),
        (b"text", False),
        (b" " * 5000 + b"{", False),
    ],
)
def test_an_old_document_is_one_json_value(tmp_path, content, expected):
    """A log begins with the first keys of a line, in exactly our notation."""
    path = tmp_path / "a.json"
    path.write_bytes(content)
    assert is_old_document(path) is expected
    assert not is_old_document(tmp_path)
    assert not is_old_document(tmp_path / "missing")


def tree(folder):
    """A folder of artifacts: logs, their parts, other files, archives and things that are no files."""
    folder.mkdir()
    for name, content in {
        "a.jsonl": SESSION, "b/c.jsonl": SESSION, "b/other.jsonl": b'{"reportlog": 1}\n', "b/text.log": SESSION,
        "empty.jsonl": b"", "b/.DS_Store": b"x", "b/._c.jsonl": SESSION, "begun.jsonl": b'{"v"',
        "a.live/x.jsonl": SESSION, "a.jsonl.packs/000001.jsonl.gz": b"\x1f\x8b", "lost.live/y.jsonl": SESSION,
        "broken.zip": b"PK",
    }.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        for name, content in {
            "in/e.jsonl": SESSION,
            "f.txt": SESSION,
            "__MACOSX/g.jsonl": SESSION,
            "h.jsonl": b"x",
        }.items():
            archive.writestr(name, content)
    (folder / "gone.jsonl").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.jsonl")
    return folder


def test_a_folder_is_searched_for_what_begins_like_a_log(tmp_path):
    """In order of name; parts of a log are found with it, and alone only where the log is missing."""
    folder = tree(tmp_path / "artifacts")
    found = look_for_logs(folder)
    assert [log.name.removeprefix(f"{folder}/") for log in found.logs] == [
        "a.jsonl", "begun.jsonl", "d.zip!in/e.jsonl", "empty.jsonl", "b/c.jsonl", "lost.live/y.jsonl",
    ]  # fmt: skip
    assert {Path(unread.name).name: unread.reason for unread in found.passed_over} == {"pipe.jsonl": "is a FIFO"}
    names = [Path(unread.name).name for unread in found.unread]
    assert names == ["broken.zip", "gone.jsonl"]
    assert find_logs(folder) == found.logs
    assert str(Unread("a", "b")) == "a: b"


@pytest.mark.parametrize("name", ["a.jsonl", "b/other.jsonl", "b/text.log"])
def test_a_file_that_is_named_is_a_log_whatever_its_name(tmp_path, name):
    """The user said so; what is in it is reported when it is read."""
    folder = tree(tmp_path / "artifacts")
    assert [log.path for log in find_logs(folder / name)] == [folder / name]


def test_what_is_neither_a_file_nor_a_folder_is_refused(tmp_path, monkeypatch):
    """With its kind; a path that does not exist is an error of its own."""
    monkeypatch.chdir(tmp_path)
    server = socket.socket(socket.AF_UNIX)
    server.bind("s.jsonl")
    with server, pytest.raises(LogUnavailableError, match="is a socket"):
        look_for_logs(tmp_path / "s.jsonl")
    with pytest.raises(LogUnavailableError, match="is a device"):
        look_for_logs("/dev/zero")
    with pytest.raises(FileNotFoundError):
        look_for_logs(tmp_path / "missing.jsonl")
    assert special_kind(tmp_path) == special_kind(tmp_path / "missing") == ""
    (tmp_path / "link").symlink_to("missing")
    assert special_kind(tmp_path / "link") == "a link that leads nowhere"


def test_a_member_of_an_archive_is_named_behind_an_exclamation_mark(tmp_path):
    """Unless a file has that whole name."""
    assert as_source("a.zip!b!c.jsonl") == as_source(Path("a.zip!b!c.jsonl"))
    source = as_source("a.zip!b!c.jsonl")
    assert (source.path, source.member, source.compressed) == (Path("a.zip"), "b!c.jsonl", True)
    odd = tmp_path / "a!b.jsonl"
    odd.write_bytes(SESSION)
    assert as_source(odd).member == ""
    assert as_source(source) is source


def test_only_a_plain_log_on_disk_has_parts(tmp_path):
    """Live files of both releases in order of name, and packs; other files in the folders are none."""
    log = tmp_path / "log.jsonl"
    for name in ("log.live/b.jsonl", "log.live/a.jsonl", "log.live/a.jsonl.broken", "log.jsonl.spool/c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in live_files(log)] == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert live_files(tmp_path / "log.jsonl.gz") == pack_files(tmp_path / "log.jsonl.gz") == []
    assert pack_files(log) == []
    (tmp_path / "log.jsonl.packs").touch()
    assert pack_files(log) == []
