"""Ten people, two hundred, ten thousand: the traffic of each level through the real code, in a fraction of the time.

Ten people share a folder as a bucket; two hundred push to a collector, ask it and follow it, at a rate many times that
of their working day; for ten thousand a collector is pushed to as fast as this machine can, and the rest is computed.
"""

import contextlib
import http.client
import io
import json
import os
import queue
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from pytest_insight.cli.app import run

from .collector import Bench, Load, bench, dense_log, load_of
from .measure import WORK, Figure

MONTH_S = 30 * 86_400
RESULTS_A_MONTH = {"10 people": 1_000_000, "200 people": 20_000_000, "10,000 people": 1_000_000_000}
PEAK = 10
"""How much more a working hour has than the mean of a month."""

HOMES, ROUNDS, ROUNDS_QUICK = 5, 30, 5
TEAM_SECONDS, TEAM_SECONDS_QUICK = 60, 8
TEAM_CLIENTS, TEAM_ASKERS = 20, 2
QUESTIONS = ("/api/v1/session-list", "/api/v1/failures?days=7", "/api/v1/flaky?days=30", "/api/v1/summary?days=7")
EVENTS, EVENTS_QUICK = 600_000, 60_000


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the figures of the three levels."""
    load = load_of(EVENTS_QUICK if quick else EVENTS)
    figures = _measure_bucket(ROUNDS_QUICK if quick else ROUNDS)
    with bench() as running:
        figures += _measure_team(running, load, TEAM_SECONDS_QUICK if quick else TEAM_SECONDS)
    with bench() as running:
        figures += _measure_organisation(running, load)
    return figures


# -------------------------------------------------------------- a bucket


def _measure_bucket(rounds: int) -> list[Figure]:
    """Let several homes record and sync in turn, and compare the last rounds with the first."""
    folder = WORK / "scale-bucket"
    shutil.rmtree(folder, ignore_errors=True)
    sessions = _sessions(dense_log(EVENTS_QUICK if rounds == ROUNDS_QUICK else 200_000, 30))
    taken: list[float] = []
    results = 0
    for _ in range(rounds):
        for home in range(HOMES):
            text = next(sessions)
            results += text.count(b'"type":"test.finished"')
            log = folder / f"home-{home}" / "default.jsonl"
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as stream:
                stream.write(text)
            began = time.process_time()
            _insight(log.parent, "sync", (folder / "shared").as_uri())
            taken.append(time.process_time() - began)
    last_home = folder / f"home-{HOMES - 1}"
    found = json.loads(_insight(last_home, "session", "list", "--all", "--json"))
    assert len(found) == rounds * HOMES, "the home that synced last has all sessions"
    files = [path for path in (folder / "shared").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    quarter = len(taken) // 4
    first, last = (statistics.median(part) * 1000 for part in (taken[:quarter], taken[-quarter:]))
    month = RESULTS_A_MONTH["10 people"]
    note = (
        f"{first:.0f} ms in the first quarter; {len(files)} objects, {size / results:.1f} bytes a result;"
        f" a month of {month:,} results, extrapolated: {month * size / results / 1e6:.0f} MB,"
        f" {month * len(files) / results:,.0f} objects"
    )
    return [Figure("10 people: one sync with a shared folder", f"{last:.0f} ms CPU", "-", ok=True, note=note)]


def _sessions(log: Path) -> Iterator[bytes]:
    """Yield the sessions of a log, each as its lines."""
    lines = log.read_bytes().splitlines(keepends=True)
    for _, group in groupby(lines, key=lambda line: line.split(b'"stream":"', 1)[1][:32]):
        yield b"".join(group)


def _insight(home: Path, *words: str) -> str:
    """Run a command of a home in this process, and return what it prints."""
    before = {name: os.environ.get(name) for name in ("PYTEST_INSIGHT_HOME", "HOME")}
    os.environ |= {"PYTEST_INSIGHT_HOME": str(home), "HOME": str(home)}
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = run(list(words))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    assert code == 0, words
    return out.getvalue()


# -------------------------------------------------------------- a team


class _Traffic:
    """Pushes at a rate, questions all the time, and one who follows, against one collector."""

    def __init__(self, running: Bench, load: Load, seconds: float, rate: float) -> None:
        self._running = running
        self._load = load
        self._until_s = time.monotonic() + seconds
        self._rate = rate
        self.pushes: list[float] = []
        self.questions: dict[str, list[float]] = {path: [] for path in QUESTIONS}
        self.followed = 0
        self._bodies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for body in load.bodies:
            self._bodies.put(body)

    def run(self) -> None:
        """Run all of it to the end of its time."""
        works: list[Callable[[], None]] = [*[self._push] * TEAM_CLIENTS, *[self._ask] * TEAM_ASKERS]
        threads = [threading.Thread(target=work) for work in works]
        follower = threading.Thread(target=self._follow, daemon=True)
        follower.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _push(self) -> None:
        pause_s = TEAM_CLIENTS / self._rate
        while time.monotonic() < self._until_s:
            began = time.monotonic()
            try:
                body = self._bodies.get_nowait()
            except queue.Empty:
                return
            self.pushes.append(self._send(body))
            time.sleep(max(pause_s - (time.monotonic() - began), 0))

    def _send(self, body: bytes) -> float:
        connection = http.client.HTTPConnection(self._running.host, timeout=120)
        began = time.perf_counter()
        head = {"Authorization": f"Bearer {self._running.key}", "Content-Encoding": "zstd"}
        connection.request("POST", "/api/v1/events", body, head)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200
        return (time.perf_counter() - began) * 1000

    def _ask(self) -> None:
        number = 0
        while time.monotonic() < self._until_s:
            path = QUESTIONS[number % len(QUESTIONS)]
            self.questions[path].append(self._running.ask("GET", path)[0])
            number += 1
            time.sleep(0.5)

    def _follow(self) -> None:
        connection = http.client.HTTPConnection(self._running.host, timeout=60)
        head = {"Authorization": f"Bearer {self._running.key}", "Accept": "text/event-stream"}
        connection.request("GET", "/api/v1/events", headers=head)
        answer = connection.getresponse()
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := answer.readline():
                self.followed += line.startswith(b"data: {")


def _measure_team(running: Bench, load: Load, seconds: float) -> list[Figure]:
    """Push, ask and follow at ten times the rate of a working hour of 200 people."""
    sessions_s = RESULTS_A_MONTH["200 people"] / MONTH_S * PEAK / (load.results / len(load.bodies))
    traffic = _Traffic(running, load, seconds, sessions_s * PEAK)
    before = _server_cpu(running)
    taken = running.timed(traffic.run)
    children = _server_cpu(running) - before
    results = len(traffic.pushes) * load.results / len(load.bodies)
    cores = (children + taken.postgres_s) / taken.wall_s
    what = f"{len(traffic.pushes)} sessions, {results:,.0f} results in {taken.wall_s:.0f} s"
    note = f"median {statistics.median(traffic.pushes):.0f} ms; {what}"
    figures = [
        Figure("200 people: a push, 95 of 100", f"{_percentile(traffic.pushes, 95):.0f} ms", "-", ok=True, note=note),
        Figure(
            "200 people: processors used at ten times the rate of a working hour",
            f"{cores:.2f}",
            "-",
            ok=True,
            note=f"server {children / taken.wall_s:.2f}, PostgreSQL {taken.postgres_s / taken.wall_s:.2f};"
            f" {traffic.followed:,} events followed meanwhile",
        ),
    ]
    for path, times in traffic.questions.items():
        note = f"median {statistics.median(times):.0f} ms of {len(times)}, while pushes go on"
        figures.append(
            Figure(f"200 people: GET {path}, 95 of 100", f"{_percentile(times, 95):.0f} ms", "-", ok=True, note=note)
        )
    return figures


def _server_cpu(running: Bench) -> float:
    """Return the processor time of the server's processes."""
    found = 0.0
    for process in (running.api, *running.api.children(recursive=True)):
        times = process.cpu_times()
        found += times.user + times.system
    return found


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


# -------------------------------------------------------------- an organisation


def _measure_organisation(running: Bench, load: Load) -> list[Figure]:
    """Push as fast as this machine can, until all tables are made, and compute what a month of 1 B results takes."""
    before = _server_cpu(running)

    def push_and_project() -> None:
        running.push(load.bodies, 8)
        deadline_s = time.monotonic() + 600
        while running.query("select count(*) from session") < len(load.bodies) and time.monotonic() < deadline_s:
            time.sleep(0.2)

    taken = running.timed(push_and_project)
    server_us = (_server_cpu(running) - before) / load.results * 1e6
    postgres_us = taken.postgres_s / load.results * 1e6
    size = running.query("select pg_database_size(current_database())") / load.results
    month = RESULTS_A_MONTH["10,000 people"]
    mean = month / MONTH_S * (server_us + postgres_us) / 1e6
    rate = load.results / taken.wall_s
    note = f"server {server_us:.0f}, PostgreSQL {postgres_us:.0f}; {rate:,.0f} results a second here"
    return [
        Figure(
            "10,000 people: processor time, pushed and in tables",
            f"{server_us + postgres_us:.0f} us a result",
            "-",
            ok=True,
            note=note,
        ),
        Figure(
            "10,000 people: processors for 1 B results a month",
            f"{mean:.2f} in the mean, {mean * PEAK:.1f} in a working hour",
            "-",
            ok=True,
            note="extrapolated",
        ),
        Figure(
            "10,000 people: disk of PostgreSQL a month",
            f"{month * size / 1e9:.0f} GB",
            "-",
            ok=True,
            note=f"extrapolated from {size:.0f} bytes a result",
        ),
    ]
