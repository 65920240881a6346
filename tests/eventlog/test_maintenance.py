"""What the commands that rewrite a log share: replacing, copies, exclusive access, setting aside."""

import errno
import os

import pytest
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.events import TestStarted
from pytest_insight.eventlog.files.liveness import is_being_written
from pytest_insight.eventlog.files.system import SYSTEM, System
from pytest_insight.eventlog.maintenance.corruption import holds_no_event, set_aside
from pytest_insight.eventlog.maintenance.exclusive import exclusive_log, find_plain_log
from pytest_insight.eventlog.maintenance.remains import remains_of
from pytest_insight.eventlog.maintenance.rewrite import free_name, keep_copy, replace_file, write_new_file
from pytest_insight.eventlog.writer import LogWriter

LINE = encode_event(TestStarted(nodeid="a"), stream="ab" * 16, seq=0, at="2026-11-21T01:23:45.123456Z")


@pytest.fixture
def log(tmp_path):
    """A log with one event."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINE)
    path.chmod(0o600)
    return path


class Failing(System):
    """A system on which one call fails."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._failing = name

    def __getattribute__(self, name: str):
        if name == object.__getattribute__(self, "__dict__").get("_failing"):

            def fail(*_, **__):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            return fail
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_replacement_that_fails_changes_nothing(log, call):
    """Whichever call fails: the old file under its name, and no temporary one."""
    with pytest.raises(OSError, match="No space left"):
        replace_file(log, ".purge", lambda append: append(b"new"), Failing(call))
    assert [(file.name, file.read_bytes()) for file in log.parent.iterdir()] == [("log.jsonl", LINE)]


def test_a_replacement_removes_what_a_killed_one_left(log):
    """A temporary file of the same name does not stop it."""
    log.with_name("log.jsonl.purge").write_bytes(b"half")
    replace_file(log, ".purge", lambda append: append(b"new"), SYSTEM)
    assert [(file.name, file.read_bytes()) for file in log.parent.iterdir()] == [("log.jsonl", b"new")]


def test_a_new_file_never_replaces_one(log):
    """Writing a new file over an existing one is an error."""
    with pytest.raises(FileExistsError):
        write_new_file(str(log), lambda append: append(b"new"), SYSTEM)
    assert log.read_bytes() == LINE


def test_copies_get_free_names_and_equal_ones_are_reused(log):
    """`NAME.broken`, `NAME.broken-2`; a second copy of the same bytes is the first."""
    first = keep_copy(log, ".broken", SYSTEM)
    assert first.name == "log.jsonl.broken"
    assert keep_copy(log, ".broken", SYSTEM) == first
    log.write_bytes(LINE + b"more\n")
    second = keep_copy(log, ".broken", SYSTEM)
    assert second.name == "log.jsonl.broken-2"
    assert (first.read_bytes(), second.read_bytes()) == (LINE, LINE + b"more\n")
    assert free_name(log, ".broken").name == "log.jsonl.broken-3"


def test_an_exclusive_log_is_locked_cleaned_and_released(log):
    """Within the block the lock is held and remains are gone; afterwards the lock is free, also after an error."""
    left = log.with_name("log.jsonl.repair")
    left.write_bytes(b"half")
    assert remains_of(log) == [left]
    with exclusive_log(log, ".purge") as held:
        assert held.remains == [left]
        assert not left.exists()
        assert is_being_written(log)
        held.replace(lambda append: append(LINE + LINE))
    assert log.read_bytes() == LINE + LINE
    with pytest.raises(RuntimeError), exclusive_log(log, ".purge"):
        raise RuntimeError
    assert not is_being_written(log)


def test_a_dry_run_removes_nothing(log):
    """The temporary file of a killed command stays."""
    left = log.with_name("log.jsonl.pack")
    left.write_bytes(b"half")
    with exclusive_log(log, ".pack", dry_run=True) as held:
        assert held.remains == []
    assert left.exists()


def test_a_log_that_is_recorded_into_is_refused(tmp_path):
    """The message names the log; nothing is locked or changed."""
    path = tmp_path / "direct.jsonl"
    writer = LogWriter(path, direct=True)
    from pytest_insight.eventlog.events import SessionStarted

    writer.append(SessionStarted(session_id="running", sut="s"))
    before = path.read_bytes()
    with (
        pytest.raises(LogUnavailableError, match=r"direct\.jsonl: session running is being recorded"),
        exclusive_log(path, ".purge"),
    ):
        pass
    assert path.read_bytes() == before
    writer.close()


@pytest.mark.parametrize("name", ["log.jsonl.gz", "logs.zip"])
def test_compressed_and_missing_logs_are_refused(tmp_path, name):
    """Compressed: with the hint of the command. Missing: FileNotFoundError."""
    path = tmp_path / name
    with pytest.raises(FileNotFoundError):
        find_plain_log(path)
    path.touch()
    with pytest.raises(LogUnavailableError, match="is compressed; do that"):
        find_plain_log(path, "do that")


@pytest.mark.parametrize(
    ("content", "corrupt"),
    [
        (b"", False),
        (LINE, False),
        (b"garbage\n", True),
        (b"garbage\n" + LINE, False),
        (b"[1, 2, 3]", False),
        (b'{"a": 1}', True),
        (b'[{"sut_name": "s", "test_results": []}]', False),
    ],
)
def test_a_file_without_any_event_is_corrupt(tmp_path, monkeypatch, content, corrupt):
    """Only the log of a profile in its default place is set aside, and its bytes are kept."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    own, other = tmp_path / "home" / "default.jsonl", tmp_path / "other.jsonl"
    for path in (own, other):
        path.write_bytes(content)
    assert holds_no_event(own) == corrupt
    assert set_aside(other) is None
    kept = set_aside(own)
    assert (kept is not None) == corrupt
    if kept is not None:
        assert (kept.read_bytes(), own.read_bytes()) == (content, b"")
