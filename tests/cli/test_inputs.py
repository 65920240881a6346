"""Archives, folders and pipes: what cannot be read is named and in the exit code, and nothing waits for ever."""

import gzip
import os
import struct
import sys
import threading
import warnings
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from hostile import ask, session
from pytest_insight.core.storage import create_profile
from pytest_insight.eventlog.events import SessionStarted
from pytest_insight.eventlog.writer import LogWriter

OTHER = session("c" * 32, "test_other.py::test_other")
UNREADABLE = {"an unknown method": (9, 0), "encrypted": (99, 1), "encrypted as of old": (8, 1)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home of the test's own, in whose parent the commands run."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def zip_of(path: Path, *members: tuple[str, bytes]) -> Path:
    """Write a zip archive, in which two members may have one name."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return path


def spoil_first(path: Path, method: int, flag: int) -> None:
    """Change how the first member of an archive claims to be packed."""
    data = bytearray(path.read_bytes())
    for signature, method_at, flag_at in ((b"PK\x03\x04", 8, 6), (b"PK\x01\x02", 10, 8)):
        at = data.find(signature)
        struct.pack_into("<H", data, at + method_at, method)
        struct.pack_into("<H", data, at + flag_at, flag)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("command", ["merge {} -o out.jsonl", "log verify {}", "tail {}", "import {}"])
def test_a_member_that_cannot_be_unpacked_is_named_and_the_rest_is_read(kind: str, command: str, home: Path) -> None:
    """The exit code is 1."""
    path = zip_of(Path("x.zip"), ("a/day.jsonl", session()), ("b/other.jsonl", OTHER))
    spoil_first(path, *UNREADABLE[kind])
    answer = ask(command.format(path), path)
    assert (answer.code, answer.error, "day.jsonl" in answer.out) == (1, "", True)
    if command.startswith("merge"):
        assert Path("out.jsonl").read_bytes() == OTHER


@pytest.mark.parametrize("command", ["merge {} -o out.jsonl", "log verify {}", "tail {}", "import {}"])
def test_a_truncated_archive_in_a_folder_is_named(command: str, home: Path) -> None:
    """The exit code is 1, and what can be read is."""
    Path("d").mkdir()
    cut = zip_of(Path("d/cut.zip"), ("a.jsonl", session()))
    cut.write_bytes(cut.read_bytes()[:-30])
    Path("d/b.jsonl").write_bytes(OTHER)
    answer = ask(command.format("d"), cut)
    assert (answer.code, answer.error, "cut.zip" in answer.out) == (1, "", True)


def test_two_members_of_one_name_are_both_read(home: Path) -> None:
    """Members are opened by their place in the archive."""
    path = zip_of(Path("x.zip"), ("a.jsonl", session()), ("a.jsonl", OTHER))
    assert "2 added" in ask(f"import {path}", path).out
    assert ask(f"merge {path} -o out.jsonl", path).code == 0
    assert Path("out.jsonl").read_bytes() == session() + OTHER


def test_files_that_a_system_puts_beside_ours_are_passed_over_silently(home: Path) -> None:
    """In archives and in folders."""
    junk = b"\0\5\x16\7"
    path = zip_of(
        Path("x.zip"), ("a.jsonl", session()), ("__MACOSX/._a.jsonl", junk), ("._a.json", junk), (".DS_Store", junk)
    )
    Path("d").mkdir()
    Path("d/._a.jsonl").write_bytes(junk)
    Path("d/a.jsonl").write_bytes(session())
    for command in (f"import {path}", "import d", f"log verify {path}", "log verify d", "merge d -n"):
        answer = ask(command, path)
        assert (answer.code, "._a" in answer.out) == (0, False), answer


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("command", ["import {}", "merge {} -o out.jsonl", "log verify {}", "tail {}"])
def test_a_fifo_is_read_once_as_a_stream(command: str, packed: bool, home: Path) -> None:
    """Whether its content is packed or not."""
    fifo = Path("pipe")
    os.mkfifo(fifo)
    data = gzip.compress(session()) if packed else session()
    writer = threading.Thread(target=fifo.write_bytes, args=(data,))
    writer.start()
    answer = ask(command.format(fifo.absolute()), fifo)
    writer.join(300)
    assert (answer.code, answer.error) == (0, "")
    assert any(word in answer.out for word in ("1 added", "1 session", "4 events", "test_good")), answer.out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("command", ["import d", "merge d -o out.jsonl", "log verify d", "tail d"])
def test_a_fifo_in_a_folder_is_passed_over(command: str, home: Path) -> None:
    """Nothing waits for its writer."""
    Path("d").mkdir()
    os.mkfifo("d/x.jsonl")
    Path("d/a.jsonl").write_bytes(session())
    answer = ask(command, Path("d"))
    assert (answer.code, answer.error) == (0, "")


@pytest.mark.parametrize("garbage", [b"\x93garbage\n" * 50, b'{"name": "x", "version": 1}', b"\0" * 4096])
def test_a_log_that_was_overwritten_is_set_aside_at_the_next_write(garbage: bytes, home: Path) -> None:
    """Reading answers and leaves it; recording and import go on."""
    home.mkdir()
    log = home / "default.jsonl"
    log.write_bytes(garbage)
    assert ask("session list", log).code in (0, 1)
    assert log.read_bytes() == garbage
    writer = LogWriter(log)
    writer.append(SessionStarted(session_id="s", sut="shop"))
    writer.close()
    assert (home / "default.jsonl.corrupt").read_bytes() == garbage
    assert [text for text in writer.troubles if "default.jsonl.corrupt" in text]
    assert "s  " in ask("session list", log).out
    log.write_bytes(garbage + b"!")
    Path("a.jsonl").write_bytes(session())
    with pytest.warns(UserWarning, match=r"corrupt-2"):
        assert ask("import a.jsonl", log).code == 0
    assert (home / "default.jsonl.corrupt-2").read_bytes() == garbage + b"!"


def test_a_file_of_another_kind_is_refused_as_a_profile(home: Path) -> None:
    """When the profile is made; the file is as it was."""
    Path("package.json").write_text('{"name": "x"}')
    with pytest.raises(ValueError, match="is a JSON file without sessions; choose another file"):
        create_profile("p", file_path="package.json")
    assert Path("package.json").read_text() == '{"name": "x"}'
