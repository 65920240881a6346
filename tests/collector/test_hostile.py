"""Bodies and connections that are meant to exhaust the server: each ends at a limit, and others are served."""

import asyncio
import contextlib
import http.client
import json
import socket
import sys
import threading
import time

import psutil
import pytest
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key
from pytest_insight.collector.ingest.unpacking import unpacked_bound
from pytest_insight.collector.limits import RequestLimits
from pytest_insight.collector.problems import ProblemError
from pytest_insight.collector.server.bodies import BodyRoom
from pytest_insight.eventlog.codec import line_hash

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = session_lines(1, 4)
MEMORY_MAX = 150 << 20
DEEP = 100_000


class Watch(threading.Thread):
    """Highest memory of this process, and whether others were served, while something hostile is sent."""

    def __init__(self, served):
        super().__init__()
        self.served, self.stopping, self.statuses = served, False, []
        self.before = self.most = psutil.Process().memory_info().rss

    def run(self):
        """Look until told to stop."""
        while not self.stopping:
            self.most = max(self.most, psutil.Process().memory_info().rss)
            if len(self.statuses) < 50:
                self.statuses.append(self.served.get("/api/v1/events?limit=1").status)
            time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()
        assert self.most - self.before < MEMORY_MAX
        assert set(self.statuses) == {200}


def sealed_line(text):
    """A line with a right digest and more members."""
    head = b'{"v":1,"type":"x.deep","stream":"%032x","seq":0,"at":"2026-11-20T10:00:00.000000Z",' % 77
    unsealed = head + b'"new":' + text
    return unsealed + b',"digest":"' + line_hash(unsealed).hexdigest().encode() + b'"}\n'


def newlines(count):
    """A compressed body of blank lines, each of which is a finding."""
    return zstd.compress(b"\n" * count)


HOSTILE = {
    "a bomb of a million to one": ("/events", "zstd", lambda: zstd.compress(bytes(250 << 20), 19), 413),
    "bombs in many frames": ("/events", "zstd", lambda: zstd.compress(bytes(9 << 20), 19) * 100, 413),
    "one line without an end": ("/events", "", lambda: b'{"v":1,' + b"x" * (20 << 20), 200),
    "blank lines alone": ("/events", "zstd", lambda: newlines(1 << 20), 200),
    "a million streams": ("/have", "", lambda: _streams(1_000_000), 413),
    "a deep question": ("/have", "", lambda: b'{"streams":' * DEEP + b"1" + b"}" * DEEP, 400),
    "a deep wish": ("/keys", "", lambda: b'{"scopes":' + b"[" * DEEP + b"]" * DEEP + b"}", 400),
    "a deep document": ("/sessions", "", lambda: b'{"session_id":' * DEEP + b"1" + b"}" * DEEP, 400),
    "a document that unpacks to too much": ("/sessions", "zstd", lambda: zstd.compress(b"[" + b" " * (40 << 20)), 413),
    "a deep line": ("/events", "", lambda: sealed_line(b"[" * DEEP + b"]" * DEEP), 200),
}


def _streams(count):
    body = b",".join(b'"%032x":{}' % number for number in range(count))
    return b'{"streams":{' + body + b"}}"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_ends_at_a_limit(served, name):
    """The status is right, memory is bounded, others are served meanwhile, and questions have answers afterwards."""
    path, encoding, make, status = HOSTILE[name]
    body = make()
    with Watch(served):
        answer = served.post(f"/api/v1{path}", body, headers={"Content-Encoding": encoding} if encoding else {})
    assert answer.status == status, answer.body[:300]
    assert served.push(b"".join(LINES))["accepted"] == len(LINES)
    assert b"".join(LINES) in served.get("/api/v1/log").body
    assert [row["session_id"] for row in served.get("/api/v1/session-list").json()] == ["s1"]


def test_a_body_of_one_byte_a_second_is_cut_off_in_time(engine, tmp_path):
    """A body that goes on and on arrives too late as a whole, and holds up nobody."""
    running = ThreadCollector(context_of(engine, tmp_path, limits=RequestLimits(body_s=1)), make_key(engine))
    try:
        slow = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), 20)
        head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.key}\r\n"
        slow.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode())
        ended = threading.Event()

        def drip():
            while not ended.is_set():
                try:
                    slow.sendall(b"{")
                except OSError:
                    return
                ended.wait(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        assert running.push(b"".join(LINES))["accepted"] == len(LINES)
        assert b" 408 " in slow.recv(1000).split(b"\r\n")[0]
        ended.set()
        thread.join()
        slow.close()
    finally:
        running.stop()


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTTP/1.1\r\nX: "])
def test_a_connection_without_a_whole_head_is_ended(served, monkeypatch, head):
    """Also the second request of a connection has to send its head in time; requests in time are answered."""
    from pytest_insight.collector.server.process.http_server import TimedProtocol

    monkeypatch.setattr(TimedProtocol, "head_s", 0.3)
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=20)
    connection.connect()
    if head:
        for _ in range(2):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
        connection.sock.sendall(head)
    with contextlib.suppress(ConnectionResetError):
        assert connection.sock.recv(10) == b""
    connection.close()
    assert served.request("GET", "/healthz", key="").status == 200


def test_bodies_wait_for_room_and_too_many_are_refused():
    """Only so many bytes are unpacked at once, in every order; received bytes beyond the limit are 503."""
    room = BodyRoom(RequestLimits(working_bytes=100, received_bytes=1000))
    most = 0

    async def work(unpacked):
        nonlocal most
        async with room.work(unpacked):
            running.append(min(unpacked, 100))
            most = max(most, sum(running))
            await asyncio.sleep(0)
            running.remove(min(unpacked, 100))

    running = []

    async def all_at_once():
        await asyncio.wait_for(asyncio.gather(*map(work, [60, 50, 1, 500, 40, 100, 7] * 5)), 30)

    asyncio.run(all_at_once())
    assert 40 < most <= 100
    room.add(1000)
    with pytest.raises(ProblemError) as told:
        room.add(1)
    assert (told.value.kind, "Retry-After" in told.value.headers) == ("unavailable", True)


def test_room_is_free_again_after_every_end_of_a_request(engine, tmp_path):
    """After refusals, cut connections and pushes nothing is counted any more."""
    limits = RequestLimits(body_bytes=10_000, body_s=0.3)
    running = ThreadCollector(context_of(engine, tmp_path, limits=limits), make_key(engine))
    try:
        running.push(b"".join(LINES))
        assert running.post("/api/v1/events", (bytes(4000) for _ in range(5))).status == 413
        assert running.post("/api/v1/events", b"nonsense", headers={"Content-Encoding": "zstd"}).status == 400
        cut = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), 20)
        head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.key}\r\n"
        cut.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        cut.close()
        room = running.context.room
        deadline = time.monotonic() + 20
        while (room.received, room._free) != (0, limits.working_bytes) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (room.received, room._free) == (0, limits.working_bytes)
    finally:
        running.stop()


def test_the_bound_of_a_compressed_body_follows_its_length():
    """Small bodies may unpack to a megabyte, larger ones by the ratio, none to more than the limit."""
    limits = RequestLimits()
    bounds = [unpacked_bound(length, "zstd", limits) for length in (10, 10_000, 2 << 20)]
    assert bounds == [1 << 20, 2_000_000, 256 << 20]
    assert unpacked_bound(10, " Identity ", limits) == 10


def test_a_page_of_the_feed_is_bounded_by_its_bytes(served, monkeypatch):
    """Long lines make a page end before it has its number of lines, and no line is lost."""
    from pytest_insight.collector.feed import reading

    monkeypatch.setattr(reading.read_page, "__defaults__", (5_000,))
    sessions = [session_lines(number, 2, text="x" * 3000) for number in range(5)]
    for lines in sessions:
        served.push(b"".join(lines))
    assert len(served.get("/api/v1/events?limit=1000000").body) < 10_000
    assert served.export() == b"".join(line for lines in sessions for line in lines)


def test_a_question_with_a_million_streams_in_the_answer_is_not_asked(served):
    """The number of streams is told before their ids are looked at."""
    question = json.dumps({"streams": {str(number): {} for number in range(10_001)}}).encode()
    answer = served.post("/api/v1/have", question)
    assert (answer.status, "10000 streams" in answer.json()["detail"]) == (413, True)
