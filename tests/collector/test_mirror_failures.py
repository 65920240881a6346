"""Mirrors of a collector: crashes, hanging servers, other servers, runs that are recorded meanwhile."""

import json
import socket
import threading

import pytest
from collector_homes import Home
from collector_lines import session_lines
from collector_readers import Reader, push
from pytest_insight.collector.client import mirrors, tracking
from pytest_insight.collector.client.cursors import LogMark
from pytest_insight.collector.client.digests import LogDigests
from pytest_insight.collector.client.mirrors import Mirror
from pytest_insight.eventlog.codec import line_hash
from pytest_insight.eventlog.errors import LogBusyError
from pytest_insight.eventlog.events import SessionStarted, TestFinished
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.writer import LogWriter


@pytest.fixture
def reader(tmp_path, team):
    """A home with a remote profile."""
    return Reader(tmp_path / "reader", team)


def mirror_of(reader):
    """The mirror of a home."""
    return Mirror(reader.team.url, reader.mirror, api_key=reader.team.key, home=reader.folder)


def identities(log):
    """Stream and seq of each event of a log with its live files."""
    return [(item.envelope.stream, item.envelope.seq) for item in read_records(log) if isinstance(item, Record)]


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_process_that_dies_before_it_has_kept_its_cursor_leaves_nothing_twice(team, reader, monkeypatch, nth):
    """After the events are in the log, and before it is kept that they are: the next question finds them there."""
    lines = push(team, 1, 2)
    calls = iter(range(1, 10))
    real = tracking.save_cursor

    def dies(path, kept):
        if next(calls) == nth:
            raise KeyboardInterrupt
        real(path, kept)

    monkeypatch.setattr(tracking, "save_cursor", dies)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(3):
            mirror_of(reader).catch_up()
    monkeypatch.undo()
    assert mirror_of(reader).catch_up().as_of_us
    assert reader.mirror.read_bytes() == lines


def test_a_collector_that_hangs_is_one_that_is_away(team, reader, monkeypatch):
    """It takes the connection and says nothing: the answer comes after a short time, from the mirror."""
    push(team, 1)
    assert mirror_of(reader).catch_up().problem == ""
    monkeypatch.setattr(mirrors, "QUICK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = Mirror(
            f"http://127.0.0.1:{silent.getsockname()[1]}", reader.mirror, api_key="ik_1", home=reader.folder
        )
        hanging.place = mirror_of(reader).place
        state = hanging.catch_up()
    assert "cannot be reached" in state.problem
    assert "answers are as of" in state.warnings()[0]


def test_another_server_is_no_collector(team, reader):
    """An address that answers something else is named, and never taken for an empty collector."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=_answer_once, args=(other,), daemon=True).start()
        home = Home(reader.folder.parent / "home")
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        result = home.here("session", "list", "--remote", url, check=False, INSIGHT_API_KEY=team.key)
    assert (result.returncode, result.stdout) == (3, "")
    assert "check the URL" in result.stderr


def _answer_once(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def test_a_run_that_is_being_recorded_into_the_mirror_comes_back_once(team, reader):
    """Its events are in its live file, are sent by a sync, come back through the feed, and are collected at its end."""
    push(team, 1)
    writer = LogWriter(reader.mirror, durability="never")
    writer.append(SessionStarted(session_id="running", sut="shop"))
    assert reader.names() == ["running", "s1"]
    reader.ask("sync")
    writer.append(TestFinished(nodeid="t.py::a", outcome="passed"))
    reader.ask("sync", "--push")
    assert reader.names() == ["running", "s1"]
    writer.close()
    assert reader.names() == ["running", "s1"]
    found = identities(reader.mirror)
    assert len(found) == len(set(found)) == 9
    assert json.loads(reader.ask("sync", "--json", "--verify").stdout)["verified"]["same"] == 9


def test_a_purge_loses_nothing_of_a_run_that_is_being_recorded(team, reader, tmp_path):
    """The mirror is written again without the purged text, and the run goes on."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(session_lines(1, text="canary-78 in a text")))
    team.push(log.read_bytes())
    reader.names()
    writer = LogWriter(reader.mirror, durability="never")
    writer.append(SessionStarted(session_id="running", sut="shop"))
    Home(tmp_path / "purging").here("log", "purge", "--regex", "canary-78", "--force", log)
    team.push(log.read_bytes())
    assert reader.names() == ["running", "s1"]
    assert b"canary-78" not in reader.mirror.read_bytes()
    writer.append(TestFinished(nodeid="t.py::a", outcome="passed"))
    writer.close()
    assert reader.names() == ["running", "s1"]
    assert (writer.stream, 1) in identities(reader.mirror)


def test_a_mirror_that_cannot_be_written_again_now_says_that_it_has_what_was_purged(
    team, reader, tmp_path, monkeypatch
):
    """A later question removes it from the file."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(session_lines(1, text="canary-79 in a text")))
    team.push(log.read_bytes())
    reader.names()
    Home(tmp_path / "purging").here("log", "purge", "--regex", "canary-79", "--force", log)
    team.push(log.read_bytes())
    with monkeypatch.context() as patch:

        def refuse(path, _):
            raise LogBusyError(path, 30)

        patch.setattr(tracking, "remove_buried", refuse)
        result = reader.ask("session", "show", "s1", "--json")
    assert "still have what was purged" in result.stderr
    result = reader.ask("session", "show", "s1", "--json")
    assert ("[purged] in a text" in result.stdout, result.stderr) == (True, "")
    assert b"canary-79" not in reader.mirror.read_bytes()


def test_events_of_a_newer_format_are_fetched_after_an_upgrade(team, reader):
    """In the log of this release they would end its recording; it says that they are missing."""
    line = session_lines(1)[0].replace(b'{"v":1', b'{"v":2')
    body = line[: line.index(b',"digest":')]
    team.push(body + b',"digest":"' + line_hash(body).hexdigest().encode() + b'"}\n')
    push(team, 2)
    result = reader.ask("session", "list", "--json")
    assert [each["session_id"] for each in json.loads(result.stdout)] == ["s2"]
    assert "upgrade" in result.stderr
    assert reader.ask("session", "list").stderr == ""
    kept = next((reader.folder / "remotes").glob("*.json"))
    kept.write_bytes(kept.read_bytes().replace(b'"format":1', b'"format":0'))
    assert "upgrade" in reader.ask("session", "list").stderr  # another release looks at everything again


def test_what_is_kept_of_a_log_says_the_same_as_the_whole_log(tmp_path):
    """Digests of a log whose beginning is only known by its heads are those of the whole log, whatever is asked."""
    log, heads = tmp_path / "log.jsonl", tmp_path / "log.heads"
    streams = [session_lines(number, 4) for number in range(4)]
    del streams[2][3]  # a stream with a gap
    log.write_bytes(b"".join(line for lines in streams for line in lines[:4]))
    LogDigests(log).save(heads)
    with log.open("ab") as out:
        out.write(b"".join(line for lines in streams[:3] for line in lines[4:]))
    whole = LogDigests(log)
    for stream in [*whole, "f" * 32]:
        for seq in range(8):
            assert LogDigests(log, heads).digest(stream, seq) == whole.digest(stream, seq), (stream, seq)
    kept = LogDigests(log, heads)
    assert kept.base.size
    assert kept.changed() == [f"{number:032x}" for number in range(3)]
    assert {name: (each.top, each.count) for name, each in kept.items() if name != f"{2:032x}"} == {
        name: (each.top, each.count) for name, each in whole.items() if name != f"{2:032x}"
    }
    kept.load_all()
    assert kept.base == LogMark()
    assert {name: list(each) for name, each in kept.items()} == {name: list(each) for name, each in whole.items()}
