"""Bodies of requests: what is damaged, too large or a bomb is answered rightly and costs nothing."""

import gzip
import http.client
import json
import sys

import psutil
import pytest
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key
from pytest_insight.collector.limits import RequestLimits
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import TestFinished

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = session_lines(1, 4)
BODY = b"".join(LINES)
PROBLEM = "urn:pytest-insight:problem:"


@pytest.fixture
def strict_server(engine, tmp_path):
    """An application with small limits."""
    limits = RequestLimits(body_bytes=100_000, unpacked_bytes=1 << 20, body_s=1, streams=10)
    running = ThreadCollector(context_of(engine, tmp_path, limits=limits), make_key(engine))
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("zstd", zstd.compress(BODY)),
        ("gzip", gzip.compress(BODY)),
        ("identity", BODY),
        ("zstd", zstd.compress(BODY[:700]) + zstd.compress(BODY[700:])),
        ("gzip", gzip.compress(BODY[:700]) + gzip.compress(BODY[700:])),
    ],
)
def test_bodies_may_be_compressed(served, encoding, packed):
    """Zstandard and gzip, also in several frames."""
    answer = served.push(packed, headers={"Content-Encoding": encoding})
    assert answer["accepted"] == len(LINES)
    assert served.get("/api/v1/log").body == BODY


@pytest.mark.parametrize(
    ("encoding", "packed", "status", "kind"),
    [
        ("zstd", b"nonsense", 400, "bad-request"),
        ("gzip", b"nonsense", 400, "bad-request"),
        ("zstd", zstd.compress(BODY)[:-5], 400, "bad-request"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "bad-request"),
        ("br", BODY, 415, "unsupported-encoding"),
        ("zstd", zstd.compress(bytes(300 << 20)), 413, "too-large"),
        ("gzip", gzip.compress(bytes(40 << 20)), 413, "too-large"),
    ],
)
def test_damaged_bodies_and_bombs_are_refused(served, encoding, packed, status, kind):
    """The status is right, nothing is stored, and memory stays bounded."""
    before = psutil.Process().memory_info().rss
    answer = served.post("/api/v1/events", packed, headers={"Content-Encoding": encoding})
    assert (answer.status, answer.json()["type"]) == (status, PROBLEM + kind)
    assert psutil.Process().memory_info().rss - before < 150 << 20
    assert served.get("/api/v1/log").body == b""


def test_a_damaged_line_is_a_finding_and_the_rest_counts(served):
    """Each place is told with offset and reason; a strict push stores nothing."""
    damaged = LINES[1][:60] + b"X" + LINES[1][61:]
    body = LINES[0] + damaged + b"\n" + LINES[2] + LINES[3][:50]
    strict = served.post("/api/v1/events?strict", body)
    assert (strict.status, strict.json()["type"]) == (422, PROBLEM + "findings")
    assert served.get("/api/v1/log").body == b""
    answer = served.push(body)
    found = [(finding["offset"], finding["reason"]) for finding in answer["findings"]]
    first, rest = len(LINES[0]), len(LINES[0] + damaged + LINES[2]) + 1
    assert found == [(first, "damaged"), (first + len(damaged), "blank"), (rest, "torn")]
    assert answer["accepted"] == 2


def test_a_last_line_without_a_newline_counts(served):
    """A log that was cut at the end of a line is whole."""
    assert served.push(BODY[:-1])["accepted"] == len(LINES)
    assert served.get("/api/v1/log").body == BODY


def test_lines_of_a_newer_format_and_of_unknown_types_are_kept_verbatim(served):
    """They are stored and given back byte for byte, with strange characters in them."""
    stream = f"{7:032x}"
    strange = encode_event(
        TestFinished(nodeid="t.py::\u2028\u0085\ud800", outcome="passed"),
        stream=stream,
        seq=0,
        at="2026-11-20T10:00:00.000000Z",
    )
    lines = [strange]
    for seq, (version, kind) in enumerate([(2, "test.finished"), (1, "x.unknown")], 1):
        unsealed = b'{"v":%d,"type":"%s","stream":"%s","seq":%d,"at":"2026-11-20T10:00:00.000000Z","new":[1]' % (
            version, kind.encode(), stream.encode(), seq,
        )  # fmt: skip
        lines.append(unsealed + b',"digest":"' + line_hash(unsealed).hexdigest().encode() + b'"}\n')
    answer = served.push(b"".join(lines))
    assert (answer["accepted"], answer["findings"]) == (3, [])
    assert served.get("/api/v1/log").body == b"".join(lines)


def test_events_of_journals_are_not_collected(served):
    """Journals of test data and of Sync Storage have one stream id on every machine."""
    from pytest_insight.collector.ingest.parsing import JOURNAL_FAMILIES
    from pytest_insight.syncstorage.service import events as runs
    from pytest_insight.testdata.model import events as data

    kinds = {
        item.__struct_config__.tag
        for module in (runs, data)
        for item in vars(module).values()
        if isinstance(item, type)
        and getattr(getattr(item, "__struct_config__", None), "tag", None)
        and item.__module__ == module.__name__
    }
    tags = {kind for kind in kinds if "." in kind}
    assert {tag.split(".")[0].encode() for tag in tags} == JOURNAL_FAMILIES
    unsealed = b'{"v":1,"type":"lock.granted","stream":"%032x","seq":0,"at":"2026-11-20T10:00:00.000000Z"' % 5
    line = unsealed + b',"digest":"' + line_hash(unsealed).hexdigest().encode() + b'"}\n'
    answer = served.push(line + BODY)
    assert (answer["accepted"], answer["findings_total"]) == (len(LINES), 1)
    assert "journal" in answer["findings"][0]["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(strict_server):
    """By its announced length, and while it is read if none is announced."""
    assert strict_server.post("/api/v1/events", bytes(200_000)).status == 413
    answer = strict_server.post("/api/v1/events", (bytes(10_000) for _ in range(50)))
    assert answer.status == 413


def test_a_body_that_never_ends_is_cut_off(strict_server):
    """After the time limit the answer is 408, and others are served meanwhile."""
    connection = http.client.HTTPConnection(strict_server.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/api/v1/events")
    connection.putheader("Authorization", f"Bearer {strict_server.key}")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    assert strict_server.push(BODY)["accepted"] == len(LINES)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["type"]) == (408, PROBLEM + "slow-body")
    connection.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"streams": 5}', b'{"streams": {"x": {}}}', b'{"a":' * 5000, b"\xff"],
)
def test_questions_about_streams_that_make_no_sense_are_refused(served, body):
    """The answer is 400."""
    assert served.post("/api/v1/have", body).status == 400


def test_a_question_about_too_many_streams_is_refused(strict_server):
    """The answer is 413 and names the limit."""
    question = {"streams": {f"{number:032x}": {"count": 1} for number in range(11)}}
    answer = strict_server.post("/api/v1/have", json.dumps(question).encode())
    assert answer.status == 413
    assert "10 streams" in answer.json()["detail"]


def test_unknown_places_and_methods_are_problems(served):
    """404 and 405 are problem documents, too."""
    for method, path, status in (("GET", "/x", 404), ("DELETE", "/api/v1/events", 405)):
        answer = served.request(method, path)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


def test_lines_are_verified_by_threads_at_once(served):
    """Many compressed bodies at the same time are all unpacked rightly; a decompressor shared by threads would fail."""
    from concurrent.futures import ThreadPoolExecutor

    sessions = [session_lines(number, 40, text="x" * 3000) for number in range(100, 124)]
    packed = [zstd.compress(b"".join(lines)) for lines in sessions]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: served.push(body, headers={"Content-Encoding": "zstd"}), packed))
    assert [answer["accepted"] for answer in answers] == [len(lines) for lines in sessions]
    assert not any(answer["findings"] for answer in answers)
