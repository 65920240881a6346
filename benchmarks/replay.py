"""Replay and catch-up beside a bare msgspec loop and DuckDB, on the same log."""

import statistics
import time
from array import array
from pathlib import Path

import msgspec
from pytest_insight.eventlog.codec import line_hash
from pytest_insight.eventlog.events import SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.format import SUFFIX_SIZE
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.replay import CHUNK_BYTES

from .generate import cached_log
from .measure import WORK, Figure, peak_memory_mb

FINISHED = b'{"v":1,"type":"test.finished",'
REPLAY = """
import sys
from pathlib import Path
from pytest_insight.projections.readmodel import ReadModel
with ReadModel.open(Path(sys.argv[1]), Path(sys.argv[2])) as model:
    print(model.replay().seconds)
"""
DUCKDB = """
import sys, time, duckdb
from pathlib import Path
Path(sys.argv[2]).unlink(missing_ok=True)
db = duckdb.connect(sys.argv[2])
db.execute("SET threads = 2")
db.execute("SET enable_progress_bar = false")
began = time.perf_counter()
db.execute(f"CREATE TABLE events AS SELECT * FROM read_ndjson('{sys.argv[1]}', maximum_object_size = 1000000)")
print(time.perf_counter() - began)
"""


class Narrow(msgspec.Struct, gc=False):
    """The fields that a projection of results needs."""

    type: str
    stream: str
    seq: int
    nodeid: str = ""
    outcome: str = ""
    duration_us: int = 0
    attempt: int = 1
    worker: str = ""


def bare_loop(path: Path) -> float:
    """Seconds to decode every line with a narrow struct, and do nothing with it."""
    decode = msgspec.json.Decoder(Narrow).decode
    began = time.perf_counter()
    with path.open("rb") as stream:
        for line in stream:
            decode(line)
    return time.perf_counter() - began


class AttemptFields(msgspec.Struct, gc=False):
    """The fields that the columns of an attempt need."""

    seq: int
    nodeid: str
    outcome: str
    duration_us: int = 0
    attempt: int = 1
    worker: str = ""


def least_loop(path: Path) -> float:
    """Seconds of what no replay can leave out: verify each digest, decode each attempt, and number its test.

    It checks no time and no field of a start, reads no other event, sorts nothing by session and keeps nothing.
    """
    decode = msgspec.json.Decoder(AttemptFields).decode
    new_hash = line_hash().copy
    numbers: dict[str, int] = {}
    tail = b""
    began = time.perf_counter()
    with path.open("rb") as stream:
        while data := stream.read(CHUNK_BYTES):
            first, *lines = data.split(b"\n")
            lines = [tail + first, *lines]
            tail = lines.pop()
            digests: list[str] = []
            for line in lines:
                digest = new_hash()
                digest.update(line[:-SUFFIX_SIZE])
                digests.append(digest.hexdigest())
            ends = "".join([f',"digest":"{digest}"}}' for digest in digests]).encode()
            if ends != b"".join([line[-SUFFIX_SIZE:] for line in lines]):
                raise ValueError("a digest does not match")
            attempts = [decode(line) for line in lines if line.startswith(FINISHED)]
            array("I", [numbers.setdefault(attempt.nodeid, len(numbers)) for attempt in attempts])
    return time.perf_counter() - began


def measure(*, quick: bool = False) -> list[Figure]:
    """Return speed and memory of a replay, and the cost of a catch-up."""
    events = 100_000 if quick else 1_000_000
    log = cached_log(events).resolve()
    model = WORK / "replay.sqlite"
    bare_s, least_s, replay_s, duck_s, memory_mb, duck_mb = [], [], [], [], [], []
    for _ in range(2 if quick else 5):
        bare_s.append(bare_loop(log))
        least_s.append(least_loop(log))
        used, printed = peak_memory_mb(REPLAY, str(log), str(model))
        replay_s.append(float(printed))
        memory_mb.append(used)
        used, printed = peak_memory_mb(DUCKDB, str(log), str(WORK / "duck.db"))
        duck_s.append(float(printed.split()[-1]))
        duck_mb.append(used)
    bare, least, replay, duck = (statistics.median(found) for found in (bare_s, least_s, replay_s, duck_s))
    note = (
        f"{events / replay / 1e6:.2f} M events/s, {log.stat().st_size / replay / 1e6:.0f} MB/s; bare loop {bare:.2f} s"
    )
    return [
        Figure(
            f"replay of {events:,} events, speed against a bare msgspec loop",
            f"{bare / replay:.2f}x",
            ">= 0.45x",
            bare / replay >= 0.45,
            note,
        ),
        Figure(
            "verifying and decoding attempts alone, in one process, against a bare msgspec loop",
            f"{bare / least:.2f}x",
            "-",
            ok=True,
            note=f"{least:.2f} s; a replay also checks values, reads all other events and stores sessions",
        ),
        Figure(
            "replay against DuckDB's CREATE TABLE on 2 threads",
            f"{replay / duck:.2f}x the time",
            "<= 1x",
            replay <= duck,
            f"{replay:.2f} s, {duck:.2f} s",
        ),
        Figure(
            "memory of a replay",
            f"{max(memory_mb):.0f} MB",
            "< 150 MB",
            max(memory_mb) < 150,
            f"DuckDB {max(duck_mb):.0f} MB",
        ),
        _catch_up(log, model),
    ]


def _catch_up(log: Path, model: Path) -> Figure:
    """Catch up with 100 new events, against a catch-up with none; both in an open model, medians."""
    copy = WORK / "catch-up.jsonl"
    copy.write_bytes(log.read_bytes())
    empty_s, new_s = [], []
    with ReadModel.open(copy, model.with_name("catch-up.sqlite")) as view:
        view.replay()
        for _ in range(15):
            empty_s.append(_opened(copy, model))
            writer = LogWriter(copy)
            writer.append(SessionStarted(session_id=writer.stream[:12], sut="shop"))
            for number in range(49):
                name = f"tests/test_new.py::test_{number}"
                phases = {"setup": 1, "call": 1, "teardown": 1}
                writer.append(TestStarted(nodeid=name), TestFinished(nodeid=name, outcome="passed", phases=phases))
            writer.close()
            new_s.append(_opened(copy, model))
    empty, new = statistics.median(empty_s), statistics.median(new_s)
    note = f"{empty * 1000:.1f} ms, {new * 1000:.1f} ms, each with opening the model"
    return Figure(
        "catch-up after 100 new events against an empty one", f"{new / empty:.2f}x", "< 2x", new < 2 * empty, note
    )


def _opened(log: Path, model: Path) -> float:
    began = time.perf_counter()
    with ReadModel.open(log, model.with_name("catch-up.sqlite")) as view:
        view.catch_up()
        view.sessions(limit=50)
    return time.perf_counter() - began
