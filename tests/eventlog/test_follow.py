"""Following a log that is written: every event once, at every byte, whatever becomes of the file."""

import os
import threading

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.live.follow import Follower, FollowSet, Restarted, follow
from pytest_insight.eventlog.reader import Record
from pytest_insight.eventlog.scan import Finding

SESSION = write_session("s", 1, [("a::b", "passed"), ("a::c", "failed")])
OTHER = write_session("other", 2, [("x::y", "passed")] * 8)
LINES = SESSION.splitlines()


def lines_of(items):
    """The lines of the events among some items."""
    return [item.line for item in items if isinstance(item, Record)]


@given(st.lists(st.integers(0, len(SESSION)), max_size=6))
def test_looks_at_any_moments_see_each_event_once(tmp_path_factory, stops):
    """A line is seen when its newline is there; what is unfinished is never reported as damage."""
    path = tmp_path_factory.mktemp("follow") / "log.jsonl"
    follower = Follower(path)
    found = follower.poll()
    assert found == []
    for stop in [*sorted(stops), len(SESSION)]:
        append(path, stop)
        found += follower.poll()
        assert lines_of(found) == SESSION[:stop].splitlines()[: SESSION[:stop].count(b"\n")]
        assert follower.position == SESSION.rfind(b"\n", 0, stop) + 1
    assert len(found) == len(LINES)
    assert follower.poll() == []


def append(path, stop):
    """Make the file as long as that."""
    with path.open("ab") as stream:
        stream.write(SESSION[stream.tell() : stop])


def truncate(path):
    """Make the log shorter."""
    os.truncate(path, len(SESSION) // 2)


def rewrite(path):
    """Write other bytes into the same file."""
    with path.open("r+b") as stream:
        stream.write(OTHER)


def replace(path):
    """Put a longer file of another content in its place."""
    other = path.with_name("new")
    other.write_bytes(OTHER)
    other.replace(path)


@pytest.mark.parametrize(("change", "reason"), [(truncate, "truncated"), (rewrite, "rewritten"), (replace, "replaced")])
def test_a_file_that_is_not_the_one_that_was_read_is_read_from_its_start(tmp_path, change, reason):
    """With the reason before its events."""
    assert len(OTHER) > len(SESSION)
    path = tmp_path / "log.jsonl"
    path.write_bytes(SESSION)
    follower = Follower(path)
    follower.poll()
    change(path)
    first, *rest = follower.poll()
    assert first == Restarted(str(path), reason)
    content = path.read_bytes()
    assert lines_of(rest) == content.splitlines()[: content.count(b"\n")]


def test_a_longer_copy_of_the_same_log_is_read_on(tmp_path):
    """A file that was away for a moment, as an editor or a copy leaves it."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(SESSION)
    follower = Follower(path)
    follower.poll()
    path.unlink()
    assert follower.poll() == []
    path.write_bytes(SESSION + OTHER)
    assert lines_of(follower.poll()) == OTHER.splitlines()


def test_a_file_that_did_not_change_is_not_read(tmp_path, monkeypatch):
    """A look costs one system call then."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(SESSION)
    follower = Follower(path)
    follower.poll()
    monkeypatch.setattr(Follower, "_read", None)
    assert follower.poll() == []


def test_damage_is_seen_in_its_place(tmp_path):
    """And the events around it."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINES[0] + b"\ngarbage\n" + LINES[1] + b"\n")
    kinds = [type(item) for item in Follower(path).poll()]
    assert kinds == [Record, Finding, Record]


def test_a_start_within_the_log_passes_over_what_is_before(tmp_path):
    """Of a log that exists; one that appears later is read whole."""
    (tmp_path / "a.jsonl").write_bytes(SESSION)
    followed = FollowSet([tmp_path], starts=lambda path: len(LINES[0]) + 1)
    (tmp_path / "b.jsonl").write_bytes(SESSION)
    followed.rescan()
    found = {}
    for path, item in followed.poll():
        found.setdefault(path.name, []).append(item.line)
    assert found == {"a.jsonl": LINES[1:], "b.jsonl": LINES}


@pytest.mark.parametrize("seen_before", range(len(LINES) + 1))
def test_a_session_that_is_collected_is_seen_once(tmp_path, seen_before):
    """However much of its live file was seen before its lines are in the log as well."""
    log, folder = tmp_path / "log.jsonl", tmp_path / "log.live"
    folder.mkdir()
    live = folder / f"{SESSION.split(b'stream')[1][3:35].decode()}.jsonl"
    live.write_bytes(b"".join(line + b"\n" for line in LINES[:seen_before]))
    followed = FollowSet([log])
    found = lines_of(item for _, item in followed.poll())
    assert found == LINES[:seen_before]
    live.write_bytes(SESSION)
    log.write_bytes(SESSION)
    found += lines_of(item for _, item in followed.poll())
    live.unlink()
    followed.rescan()
    found += lines_of(item for _, item in followed.poll())
    assert sorted(found) == sorted(LINES)


def test_a_live_file_that_is_found_after_its_lines_were_in_the_log_brings_nothing(tmp_path):
    """A collect that was interrupted leaves the lines in both."""
    log, folder = tmp_path / "log.jsonl", tmp_path / "log.live"
    folder.mkdir()
    log.write_bytes(SESSION[: SESSION.rindex(b"\n", 0, -1) + 1])
    followed = FollowSet([log])
    assert lines_of(item for _, item in followed.poll()) == LINES[:-1]
    (folder / f"{SESSION.split(b'stream')[1][3:35].decode()}.jsonl").write_bytes(SESSION)
    followed.rescan()
    assert lines_of(item for _, item in followed.poll()) == LINES[-1:]


def test_following_ends_when_it_is_stopped_and_says_when_nothing_is_new(tmp_path):
    """With everything that is there at that moment."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(SESSION)
    stop, idle = threading.Event(), []

    def when_idle():
        idle.append(1)
        if len(idle) == 1:
            path.write_bytes(SESSION + OTHER)
        else:
            stop.set()

    found = [item.line for _, item in follow([path], stop=stop, poll_s=0.001, idle=when_idle)]
    assert found == LINES + OTHER.splitlines()
    assert len(idle) == 2
