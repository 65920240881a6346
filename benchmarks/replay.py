"""Replay and catch-up beside a bare msgspec loop and DuckDB, on the same log."""

import statistics
import time
from pathlib import Path

import msgspec
from pytest_insight.eventlog.events import SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel

from .generate import cached_log
from .measure import WORK, Figure, peak_memory_mb

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


def measure(*, quick: bool = False) -> list[Figure]:
    """Return speed and memory of a replay, and the cost of a catch-up."""
    events = 100_000 if quick else 1_000_000
    log = cached_log(events).resolve()
    model = WORK / "replay.sqlite"
    bare_s, replay_s, duck_s, memory_mb, duck_mb = [], [], [], [], []
    for _ in range(2 if quick else 5):
        bare_s.append(bare_loop(log))
        used, printed = peak_memory_mb(REPLAY, str(log), str(model))
        replay_s.append(float(printed))
        memory_mb.append(used)
        used, printed = peak_memory_mb(DUCKDB, str(log), str(WORK / "duck.db"))
        duck_s.append(float(printed.split()[-1]))
        duck_mb.append(used)
    bare, replay, duck = (statistics.median(found) for found in (bare_s, replay_s, duck_s))
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
