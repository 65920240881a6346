"""The feed as server-sent events: what is pushed arrives at once, and a cut connection is resumed."""

import http.client
import threading
import time

import pytest
from collector_lines import session_lines
from collectors import make_key
from pytest_insight.collector.access.keys import revoke_key, split_key


class Follower:
    """A connection that follows the feed."""

    def __init__(self, served, cursor="", key=""):
        self.connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {key or served.key}", "Accept": "text/event-stream"}
        headers |= {"Last-Event-ID": cursor} if cursor else {}
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        self.cursor, self.event = cursor, ""

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
            elif line.startswith(b"data: ") and not self.event:
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
    served.context.keys._cache_s = 0.1
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
