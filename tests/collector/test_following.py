"""The feed as server-sent events: what is pushed arrives at once, and a cut connection is resumed."""

import http.client
import threading
import time

import pytest
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key, start_collector
from pytest_insight.collector.access.keys import revoke_key, split_key


class Follower:
    """A connection that follows the feed."""

    def __init__(self, served, cursor="", key=""):
        self.connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {key or served.key}", "Accept": "text/event-stream"}
        headers |= {"Last-Event-ID": cursor} if cursor else {}
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        self.cursor, self.event, self.hint = cursor, "", ""

    def lines(self, count):
        """Wait for so many lines; fewer if the connection is ended by the server."""
        found = []
        while len(found) < count:
            line = self.answer.readline()
            if not line:
                break
            if line.startswith(b"id: "):
                self.cursor = line[4:].strip().decode()
            elif line.startswith(b"event: "):
                self.event = line[7:].strip().decode()
            elif line.startswith(b"data: ") and self.event:
                self.hint = line[6:].strip().decode()
            elif line.startswith(b"data: "):
                found.append(line[6:])
        return found

    def close(self):
        """Cut the connection."""
        self.connection.close()


def test_a_follower_gets_what_is_there_and_what_is_pushed(served):
    """Lines arrive in the order of the feed, also those that are pushed while it waits."""
    first, second = session_lines(1), session_lines(2)
    served.push(b"".join(first))
    follower = Follower(served)
    assert follower.answer.headers["content-type"].startswith("text/event-stream")
    assert follower.lines(len(first)) == first
    threading.Timer(0.2, served.push, [b"".join(second)]).start()
    began = time.monotonic()
    assert follower.lines(len(second)) == second
    assert time.monotonic() - began < 20
    follower.close()


def test_a_cut_connection_is_resumed_without_a_gap(served):
    """With Last-Event-ID the next connection begins after the last whole segment."""
    sessions = [session_lines(number) for number in range(4)]
    for lines in sessions[:2]:
        served.push(b"".join(lines))
    follower = Follower(served)
    follower.lines(len(sessions[0]))
    follower.close()
    for lines in sessions[2:]:
        served.push(b"".join(lines))
    resumed = Follower(served, follower.cursor)
    rest = [line for lines in sessions[1:] for line in lines]
    assert resumed.lines(len(rest)) == rest
    resumed.close()


def test_the_connection_ends_with_the_key(served, engine, monkeypatch):
    """A follower whose key is revoked gets an end and no further line."""
    served.context.keys.recent.cache_s = 0.1
    key = make_key(engine, role="reader")
    follower = Follower(served, key=key)
    served.push(session_lines(1)[0])
    assert len(follower.lines(1)) == 1
    with engine.begin() as connection:
        revoke_key(connection, split_key(key).id)
    time.sleep(0.2)
    served.push(session_lines(2)[0])
    assert follower.lines(1) == []
    assert follower.event == "end"
    follower.close()


def test_many_followers_get_everything(served):
    """Each of many followers gets each line once."""
    followers = [Follower(served) for _ in range(20)]
    lines = [line for number in range(5) for line in session_lines(number)]
    for number in range(5):
        served.push(b"".join(session_lines(number)))
    for follower in followers:
        assert follower.lines(len(lines)) == lines
        follower.close()


@pytest.mark.parametrize(("cursor", "status"), [("nonsense", 400), ("0123456789abcdef:5", 410)])
def test_a_wrong_cursor_is_refused_before_anything_is_sent(served, cursor, status):
    """As for a page."""
    follower = Follower(served, cursor)
    assert follower.answer.status == status
    follower.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_follower_goes_on_after_a_restart_of_the_server(database, tmp_path, end):
    """With Last-Event-ID nothing is missed and nothing comes twice; a server that ends in order says so at once."""
    sessions = [session_lines(number) for number in range(3)]
    first = start_collector(tmp_path, database=database)
    first.push(b"".join(sessions[0]))
    follower = Follower(first)
    seen = follower.lines(len(sessions[0]))
    getattr(first, end)()
    if end == "stop":
        assert follower.lines(1) == []
        assert follower.event == "end"
    follower.close()
    again = start_collector(tmp_path, database=database, port=int(first.url.rpartition(":")[2]), key=first.key)
    again.push(b"".join(sessions[1]))
    resumed = Follower(again, follower.cursor)
    again.push(b"".join(sessions[2]))
    seen += resumed.lines(len(sessions[1]) + len(sessions[2]))
    assert seen == [line for lines in sessions for line in lines]
    resumed.close()
    again.stop()


def test_a_slow_follower_is_told_to_connect_again(served, monkeypatch):
    """The connection ends with a hint, and the next one goes on after what was taken."""
    from pytest_insight.collector.server import following

    lines = session_lines(1)
    served.push(b"".join(lines))
    monkeypatch.setattr(following, "SLOW_S", -1.0)
    slow = Follower(served)
    assert slow.lines(1) == []
    assert (slow.event, slow.hint) == ("end", "too slow; connect again with Last-Event-ID")
    slow.close()
    monkeypatch.undo()
    resumed = Follower(served, slow.cursor)
    assert resumed.lines(len(lines)) == lines
    resumed.close()


def test_a_follower_that_reads_nothing_is_cut_off(engine, tmp_path, monkeypatch):
    """The server holds little for it and ends the connection by itself; others are served."""
    from pytest_insight.collector.server.process import http_server

    monkeypatch.setattr(http_server, "TAKE_S", 1.0)
    running = ThreadCollector(context_of(engine, tmp_path), make_key(engine))
    stalled = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=30)
    try:
        for number in range(12):
            running.push(b"".join(session_lines(number, 10, text=f"{number}" * 100_000)))
        headers = {"Authorization": f"Bearer {running.key}", "Accept": "text/event-stream"}
        stalled.request("GET", "/api/v1/events", headers=headers)
        deadline = time.monotonic() + 60
        began = False
        while time.monotonic() < deadline and not (began and running.context.followers == 0):
            began = began or running.context.followers == 1
            time.sleep(0.01)
        assert (began, running.context.followers) == (True, 0)
        assert running.push(b"".join(session_lines(50)))["accepted"] == 7
    finally:
        stalled.close()
        running.stop()


def test_too_many_followers_are_told_to_come_later(engine, tmp_path):
    """503 with Retry-After; when one has left, there is room again."""
    from pytest_insight.collector.limits import RequestLimits

    running = ThreadCollector(context_of(engine, tmp_path, limits=RequestLimits(followers=2)), make_key(engine))
    try:
        running.push(session_lines(1)[0])
        followers = [Follower(running) for _ in range(2)]
        assert [len(follower.lines(1)) for follower in followers] == [1, 1]
        followers.append(Follower(running))
        assert (followers[2].answer.status, followers[2].answer.headers["retry-after"]) == (503, "30")
        text = running.get("/api/v1/metrics").body
        assert b"insight_followers 2\n" in text
        followers[0].close()
        deadline = time.monotonic() + 30
        while running.context.followers > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        followers.append(Follower(running))
        assert followers[3].answer.status == 200
        for follower in followers:
            follower.close()
    finally:
        running.stop()
