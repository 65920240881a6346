"""Guards of commands that rewrite a log: sessions that run, remains of killed commands, and free names."""

import os

import pytest
from histories import write_session
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.files.system import SYSTEM, System
from pytest_insight.eventlog.live.session_file import create_live_file, take_log
from pytest_insight.eventlog.maintenance import recording
from pytest_insight.eventlog.maintenance.exclusive import find_plain_log
from pytest_insight.eventlog.maintenance.recording import refuse_if_recorded, running_sessions, session_name
from pytest_insight.eventlog.maintenance.remains import remains_of, remove_remains
from pytest_insight.eventlog.maintenance.rewrite import free_name, replace_file, write_new_file

SEALED = write_session("sealed", 1, [("a::b", "passed")])
OPEN = write_session("open", 2, [("a::b", "passed")], seal=False)
OPEN_STREAM = OPEN.split(b"stream")[1][3:35].decode()
CASES = {  # content, locked, has a live file of the open session: refused
    "nothing open": (SEALED, True, False, False),
    "not locked": (SEALED + OPEN, False, False, False),
    "open and locked": (SEALED + OPEN, True, False, True),
    "open first, sealed last": (OPEN + SEALED, True, False, False),
    "being collected": (SEALED + OPEN, True, True, False),
    "no session": (b"", True, False, False),
    "torn": (SEALED + OPEN + b'{"v":1', True, False, True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_log_is_refused_while_a_session_writes_it_directly(tmp_path, name):
    """By the lock and the open session at its end; one that is being collected has a live file, and ends soon."""
    content, is_locked, has_live, refused = CASES[name]
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)
    held = SYSTEM.open_append(str(log))
    if is_locked:
        assert SYSTEM.lock(held)
    if has_live:
        (tmp_path / "log.live").mkdir()
        (tmp_path / "log.live" / f"{OPEN_STREAM}.jsonl").touch()
    if refused:
        with pytest.raises(LogUnavailableError, match="session open is being recorded into it"):
            refuse_if_recorded(log)
    else:
        refuse_if_recorded(log)
    os.close(held)


def test_a_session_that_ends_between_two_looks_is_not_refused(tmp_path, monkeypatch):
    """Only one that both looks see is being recorded."""
    answers = [("a", "1"), ("b", "2")]
    monkeypatch.setattr(recording, "_direct_session", lambda log, system: answers.pop(0))
    refuse_if_recorded(tmp_path / "log.jsonl")
    assert answers == []


def test_sessions_that_run_are_named_by_their_headers(tmp_path):
    """By the lock on their live files; the file of a dead one is not listed."""
    log = tmp_path / "log.jsonl"
    running = create_live_file(log, OPEN_STREAM)
    running.append(OPEN)
    dead = create_live_file(log, "cd" * 16)
    dead.append(SEALED)
    dead.close()
    assert running_sessions(log) == ["open"]
    running.close()
    assert running_sessions(log) == []


@pytest.mark.parametrize("content", [b"", b"garbage", OPEN.splitlines()[1] + b"\n", None])
def test_a_session_without_a_header_has_the_name_of_its_stream(tmp_path, content):
    """The first twelve digits, as the recorder gives it; also of a file that is gone."""
    path = tmp_path / f"{'cd' * 16}.2.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert session_name(path) == "cdcdcdcdcdcd"


REMAINS = {
    "log.jsonl.purge": True, "log.jsonl.repair": True, "log.jsonl.pack": True, "log.jsonl.convert": True,
    "log.jsonl.setaside": True, "log.jsonl.broken.unfinished": True, "log.jsonl.broken-12.unfinished": True,
    "log.jsonl.corrupt.unfinished": True,
    "log.jsonl": False, "log.jsonl.broken": False, "log.jsonl.broken-2": False, "log.jsonl.bak": False,
    "log.jsonl.purge.old": False, "log.jsonl.purged": False, "my.log.jsonl.purge": False, "log.jsonl2.purge": False,
    "log.jsonl.unfinished": False, "log.jsonl.broken-x.unfinished": False,
    "log.jsonl.packs/000001.jsonl.gz.pack": True, "log.jsonl.packs/000001.jsonl.gz": False,
    "log.live/ab.jsonl.purge": True, "log.live/ab.jsonl": False, "log.jsonl.spool/ab.jsonl.purge": True,
}  # fmt: skip


def test_only_what_a_killed_command_left_is_removed(tmp_path):
    """A copy that a user made beside the log has another name and stays, whatever it is."""
    log = tmp_path / "log.jsonl"
    for name in REMAINS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "log.jsonl.convert").unlink()
    (tmp_path / "log.jsonl.convert").mkdir()  # a folder is none of ours
    expected = {name for name, is_ours in REMAINS.items() if is_ours} - {"log.jsonl.convert"}
    assert {str(path.relative_to(tmp_path)) for path in remains_of(log)} == expected
    assert set(remove_remains(log)) == {tmp_path / name for name in expected}
    assert remains_of(log) == []
    assert all((tmp_path / name).exists() for name in REMAINS if name not in expected)


def test_a_name_is_free_if_nothing_has_it(tmp_path):
    """Not even a link that leads nowhere; the first number is 2."""
    log = tmp_path / "log.jsonl"
    assert free_name(log, ".bak").name == "log.jsonl.bak"
    (tmp_path / "log.jsonl.bak").symlink_to("nowhere")
    (tmp_path / "log.jsonl.bak-2").mkdir()
    assert free_name(log, ".bak").name == "log.jsonl.bak-3"


class Failing(System):
    """A system in which one call fails."""

    def __init__(self, call):
        setattr(self, call, self._fail)

    def _fail(self, *_):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_new_file_is_whole_or_not_there(tmp_path, call):
    """And the error names it; Ctrl-C while it is filled leaves nothing either."""
    path = tmp_path / "new"
    with pytest.raises(OSError) as error:
        write_new_file(str(path), lambda append: append(b"content"), Failing(call))
    assert error.value.filename == str(path)

    def interrupted(append):
        append(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_new_file(str(path), interrupted, SYSTEM)
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_continued(tmp_path):
    """Whatever a single call takes."""

    class Slow(System):
        write = staticmethod(lambda fd, data: os.write(fd, data[:3]))

    write_new_file(str(tmp_path / "new"), lambda append: append(b"0123456789"), Slow())
    assert (tmp_path / "new").read_bytes() == b"0123456789"


def test_a_file_is_durable_before_it_has_the_name(tmp_path):
    """A crash in between leaves the old one or the new one; the folder is made durable at last."""
    calls = []

    class Noting(System):
        fsync = staticmethod(lambda fd: calls.append("fsync"))
        rename = staticmethod(lambda old, new: (calls.append("rename"), os.replace(old, new))[0])
        sync_dir = staticmethod(lambda path: calls.append("folder"))

    replace_file(tmp_path / "a", ".new", lambda append: append(b"x"), Noting())
    assert calls == ["fsync", "rename", "folder"]


@pytest.mark.parametrize("name", ["log.jsonl.gz", "a.zip", "missing.jsonl"])
def test_only_a_plain_log_can_be_rewritten(tmp_path, name):
    """The hint is that of the command."""
    if not name.startswith("missing"):
        (tmp_path / name).touch()
    with pytest.raises((LogUnavailableError, FileNotFoundError), match=r"is compressed; do it so|no such log"):
        find_plain_log(tmp_path / name, "do it so")


def test_a_log_that_is_taken_for_a_run_is_taken_by_no_other(tmp_path):
    """The second session writes a file of its own; after the first has ended it may take the log."""
    log = tmp_path / "log.jsonl"
    first = take_log(log)
    assert first is not None
    first.append(OPEN)
    assert take_log(log) is None
    with pytest.raises(LogUnavailableError, match="session open"):
        refuse_if_recorded(log)
    first.close()
    second = take_log(log)
    assert second is not None
    assert second.begin == len(OPEN)
    second.close()
