"""The collector beside a bare COPY of the same lines into the same PostgreSQL: speed, processor time, bytes.

Each push is verified, compressed and committed before its answer; the COPY does none of this, in one transaction. The
process that makes the tables of results is halted while pushes are measured, and measured by itself afterwards.
"""

import http.client
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import psutil
import psycopg
from backports import zstd
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.migrating import upgrade_schema
from pytest_insight.collector.database.private_server import PrivateServer
from pytest_insight.collector.views.projecting import project_all

from . import generate
from .measure import WORK, Figure

PUSHERS = {50: 0.5, 8: 0.5, 1: 0.2}
"""Pushers at once, and the least speed against COPY."""
EVENTS, EVENTS_QUICK = 200_000, 50_000
_TABLES = "segment, stream, folded, packed, session, node, result, test_day, change, checkpoint, conflict"


@dataclass
class Load:
    """Lines to push."""

    bodies: list[bytes]
    """One session each, compressed."""
    lines: list[bytes]
    results: int
    size: int


@dataclass
class Taken:
    """What something took."""

    wall_s: float
    api_s: float
    """Processor time of the server."""
    postgres_s: float


def load_of(events: int, days: int = 1) -> Load:
    """Return the lines of a generated log, by session."""
    lines = dense_log(events, days).read_bytes().splitlines(keepends=True)
    sessions = [list(group) for _, group in groupby(lines, key=lambda line: line.split(b'"stream":"', 1)[1][:32])]
    bodies = [zstd.compress(b"".join(session), 1) for session in sessions]
    return Load(bodies, lines, sum(b'"type":"test.finished"' in line for line in lines), sum(map(len, lines)))


def dense_log(events: int, days: int) -> Path:
    """Return the path of a log of so many last days; a busy team has 100,000 results a day."""
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days + 1)
    path = WORK / f"dense-{events}-{days}-{begin:%Y%m%d}.jsonl"
    if not path.exists():
        kept = generate.START_US, generate.SPAN_US
        generate.START_US, generate.SPAN_US = int(begin.timestamp()) * 1_000_000, days * 86_400_000_000
        try:
            path.write_bytes(b"".join(generate.generate(events)))
        finally:
            generate.START_US, generate.SPAN_US = kept
    return path


class Bench:
    """A PostgreSQL server and a collector, for a while.

    Args:
        folder: of PostgreSQL.
        more: more of the command line of the collector.
        environ: more environment of the collector.
    """

    def __init__(self, folder: Path, *more: str, environ: dict[str, str] | None = None) -> None:
        self.postgres = PrivateServer(folder)
        self.url = self.postgres.url
        engine = open_engine(self.url)
        upgrade_schema(engine)
        engine.dispose()
        command = [sys.executable, "-m", "pytest_insight.cli", "serve", "--port", "0", "--json", "--db-url", self.url]
        self.server = subprocess.Popen(
            [*command, "--dir", str(folder), *more], stdout=subprocess.PIPE, env=os.environ | (environ or {})
        )
        assert self.server.stdout is not None
        text = b""
        while not text.rstrip().endswith(b"}"):
            text += self.server.stdout.readline()
        started = json.loads(text)
        self.host, self.key = started["url"].removeprefix("http://"), started["key"]
        self.api = psutil.Process(self.server.pid)

    def close(self) -> None:
        """End both."""
        self.projector("resume")
        self.server.terminate()
        self.server.wait()
        self.postgres.stop()

    def projector(self, what: str) -> None:
        """Halt (`suspend`) or continue (`resume`) the process that makes the tables of results."""
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s:
            found = [child for child in self.api.children() if "collector.views.worker" in " ".join(child.cmdline())]
            if found:
                getattr(found[0], what)()
                return
            time.sleep(0.05)
        raise RuntimeError("the process that makes the tables of results has not started")

    def postgres_cpu_s(self) -> float:
        """Processor time of all processes of PostgreSQL, also of those that have ended."""
        parent = psutil.Process(self.postgres.pid)
        times = parent.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in parent.children(recursive=True):
            own = child.cpu_times()
            total += own.user + own.system
        return total

    def timed(self, work: Callable[[], object]) -> Taken:
        """Do something, and return what it took."""
        before, postgres, began = self.api.cpu_times(), self.postgres_cpu_s(), time.perf_counter()
        work()
        wall = time.perf_counter() - began
        time.sleep(0.2)  # until processes of connections that were closed have ended
        after = self.api.cpu_times()
        api = after.user + after.system - before.user - before.system
        return Taken(wall, api, self.postgres_cpu_s() - postgres)

    def clear(self) -> None:
        """Remove all lines."""
        with psycopg.connect(self.url) as connection:
            connection.execute(f"truncate {_TABLES}")

    def query(self, text: str) -> float:
        """Return a number that the database knows."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(text).fetchone()  # type: ignore[arg-type]
            return float(row[0]) if row else 0.0

    def copy(self, lines: list[bytes]) -> None:
        """Copy lines as they are into a table without an index."""
        with psycopg.connect(self.url) as connection:
            connection.execute("create table if not exists bare (line text)")
            connection.execute("truncate bare")
            connection.commit()
            with connection.cursor().copy("copy bare from stdin (format binary)") as copy:
                copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                for line in lines:
                    copy.write(b"\0\1" + (len(line) - 1).to_bytes(4, "big") + line[:-1])
                copy.write(b"\xff\xff")

    def push(self, bodies: list[bytes], pushers: int) -> None:
        """Push bodies by so many connections at once, and check each answer."""
        waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for body in bodies:
            waiting.put(body)
        wrong: list[object] = []

        def work() -> None:
            connection = http.client.HTTPConnection(self.host, timeout=120)
            head = {"Authorization": f"Bearer {self.key}", "Content-Encoding": "zstd"}
            while True:
                try:
                    body = waiting.get_nowait()
                except queue.Empty:
                    connection.close()
                    return
                connection.request("POST", "/api/v1/events", body, head)
                answer = connection.getresponse()
                told = answer.read()
                if answer.status != 200 or json.loads(told)["conflicts_total"]:
                    wrong.append(told[:200])

        threads = [threading.Thread(target=work) for _ in range(pushers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise RuntimeError(f"{len(wrong)} pushes failed, so their time means nothing: {wrong[0]!r}")

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[float, bytes]:
        """Return the milliseconds of a request, and its answer."""
        connection = http.client.HTTPConnection(self.host, timeout=600)
        began = time.perf_counter()
        connection.request(method, path, body, {"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        data = answer.read()
        taken = (time.perf_counter() - began) * 1000
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {data[:200]!r}")
        return taken, data


@contextmanager
def bench(*more: str, environ: dict[str, str] | None = None) -> Iterator[Bench]:
    """Yield a collector, in a folder that a user without rights can reach."""
    folder = Path(tempfile.mkdtemp(prefix="insight-bench-"))
    folder.chmod(0o755)
    running = Bench(folder, *more, environ=environ)
    try:
        yield running
    finally:
        running.close()
        shutil.rmtree(folder, ignore_errors=True)


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the figures of pushes, of projection, of `have` and of bytes."""
    load = load_of(EVENTS_QUICK if quick else EVENTS)
    with bench() as running:
        running.projector("suspend")
        figures = _measure_pushes(running, load, 1 if quick else 3)
        figures += _measure_have(running)
        figures += _measure_projection(running, load)
        figures += _measure_bytes(running, load)
    return figures


def _measure_pushes(running: Bench, load: Load, count: int) -> list[Figure]:
    copies: list[Taken] = []
    pushes: dict[int, list[Taken]] = {pushers: [] for pushers in PUSHERS}
    again: list[Taken] = []
    for _ in range(count):
        for pushers, taken in pushes.items():
            copies.append(running.timed(lambda: running.copy(load.lines)))
            running.clear()
            taken.append(running.timed(lambda pushers=pushers: running.push(load.bodies, pushers)))
        again.append(running.timed(lambda: running.push(load.bodies, 8)))
    copy_s = statistics.median(taken.wall_s for taken in copies)
    copy_cpu_s = statistics.median(taken.postgres_s for taken in copies)
    figures: list[Figure] = []
    for pushers, taken in pushes.items():
        wall_s = statistics.median(one.wall_s for one in taken)
        ratio, rate = copy_s / wall_s, load.results / wall_s
        note = f"{rate:,.0f} results a second, {load.size / wall_s / 1e6:.0f} MB/s of lines; COPY {copy_s:.2f} s"
        name = f"collector: push against a bare COPY, {pushers} at once"
        figures.append(Figure(name, f"{ratio:.2f}x", f">= {PUSHERS[pushers]}x", ratio >= PUSHERS[pushers], note))
    first = statistics.median(one.wall_s for one in pushes[8])
    repeated = first / statistics.median(one.wall_s for one in again)
    api_us = statistics.median(one.api_s for one in pushes[8]) / load.results * 1e6
    postgres = statistics.median(one.postgres_s for one in pushes[8]) / copy_cpu_s
    return [
        *figures,
        Figure("collector: processor time of the server", f"{api_us:.0f} us a result", "<= 25 us", api_us <= 25, ""),
        Figure("collector: PostgreSQL's processor time of a push against COPY", f"{postgres:.2f}x", "<= 0.6x",
               postgres <= 0.6, f"COPY {copy_cpu_s:.2f} s"),
        Figure("collector: repeated push against the first", f"{repeated:.2f}x", ">= 1x", repeated >= 1, ""),
    ]  # fmt: skip


def _measure_have(running: Bench) -> list[Figure]:
    """Return the time of a question about 10,000 streams."""
    with psycopg.connect(running.url) as connection:
        connection.execute(
            "insert into stream (team, stream, next, top, last) select 1, gen_random_uuid(), 500, 500, '\\x00'"
            " from generate_series(1, 10000)"
        )
        connection.execute("analyze stream")
        rows = connection.execute("select stream from stream where last = '\\x00' limit 10000").fetchall()
    body = json.dumps({"streams": {name.hex: {"count": 500, "last": "0" * 32} for (name,) in rows}}).encode()
    taken = statistics.median(running.ask("POST", "/api/v1/have", body)[0] for _ in range(7))
    with psycopg.connect(running.url) as connection:
        connection.execute("delete from stream where last = '\\x00'")
    return [Figure("collector: `have` of 10,000 streams", f"{taken:.0f} ms", "<= 100 ms", taken <= 100, "")]


def _measure_projection(running: Bench, load: Load) -> list[Figure]:
    """Return the processor time of making the tables of results, by the code and by PostgreSQL."""
    engine = open_engine(running.url, pool_size=2)
    own = psutil.Process(os.getpid())
    before = own.cpu_times()

    def project() -> None:
        while project_all(engine):
            pass

    taken = running.timed(project)
    after = own.cpu_times()
    engine.dispose()
    cpu_us = (after.user + after.system - before.user - before.system) / load.results * 1e6
    postgres_us = taken.postgres_s / load.results * 1e6
    note = f"{load.results / taken.wall_s:,.0f} results a second; PostgreSQL {postgres_us:.0f} us"
    return [
        Figure("collector: processor time of projection", f"{cpu_us:.0f} us a result", "<= 40 us", cpu_us <= 40, note)
    ]


def _measure_bytes(running: Bench, load: Load) -> list[Figure]:
    """Return the bytes that a result takes, in all tables with their indexes."""
    months = "select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'result'::regclass"
    tables = {
        "segments": ("segment", "stream"),
        "counts a day": ("test_day",),
        "sessions": ("session", "folded", "node"),
    }
    sizes = {what: " + ".join(f"pg_total_relation_size('{name}')" for name in names) for what, names in tables.items()}
    sizes["results"] = f"({months})"
    taken = {name: running.query(f"select {size}") / load.results for name, size in sizes.items()}
    total = sum(taken.values())
    note = ", ".join(f"{name} {size:.0f}" for name, size in taken.items()) + f"; lines {load.size / load.results:.0f}"
    return [Figure("collector: bytes a result, all in", f"{total:.0f}", "<= 230", total <= 230, note)]
