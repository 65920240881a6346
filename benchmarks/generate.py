"""Make a realistic log of any size, the same for the same arguments.

python -m benchmarks.generate --events 1000000 --out big.jsonl

Five systems under test, two years, sessions of 20 to 900 tests: mostly passing, a few failing with tracebacks, some
flaky ones rerun, every third session on four workers, every fortieth killed. Digests, counts and roots are right.
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import (
    Event,
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    Vcs,
    WarningRecorded,
)
from pytest_insight.eventlog.times import TimeFormatter

SUTS = ("checkout", "catalog", "search", "billing", "gateway")
START_US = 1_700_000_000_000_000
SPAN_US = 2 * 365 * 86_400 * 1_000_000
CACHE = Path(".bench")

TRACEBACK = """def test_{name}(client, order):
        response = client.post("/orders", json=order)
>       assert response.status_code == {number}
E       assert 500 == {number}
E        +  where 500 = <Response [500 Internal Server Error]>.status_code

tests/{module}.py:{number}: AssertionError"""


@dataclass
class Suite:
    """The tests of one system, and how each tends to behave."""

    sut: str
    nodeids: list[str]
    typical_us: list[int]
    flaky: set[int]


def make_suite(sut: str, rng: random.Random) -> Suite:
    """Invent the tests of a system under test."""
    nodeids: list[str] = []
    words = ("create", "update", "delete", "list", "export", "refund", "retry", "login", "merge", "render")
    for module in range(rng.randint(30, 60)):
        for case in range(rng.randint(5, 30)):
            name = f"tests/{rng.choice(('unit', 'api', 'e2e'))}/test_{sut}_{module}.py::test_{rng.choice(words)}_{case}"
            nodeids.append(
                f"{name}[{rng.choice(('sqlite', 'postgres', 'v1', 'v2'))}-{case}]" if case % 3 == 0 else name
            )
    typical = [int(rng.lognormvariate(9, 1.6)) + 50 for _ in nodeids]
    flaky = set(rng.sample(range(len(nodeids)), max(len(nodeids) // 60, 1)))
    return Suite(sut, nodeids, typical, flaky)


class Session:
    """Writes the lines of one session."""

    def __init__(self, suite: Suite, number: int, rng: random.Random, start_us: int) -> None:
        self._suite = suite
        self._number = number
        self._rng = rng
        self._now_us = start_us
        self._start_us = start_us
        self._stream = f"{rng.getrandbits(128):032x}"
        self._seq = 0
        self._root = line_hash()
        self._format = TimeFormatter()
        self._failed = False

    def lines(self, tests: int) -> Iterator[bytes]:
        """Yield the session, with so many of its suite's tests."""
        rng, suite = self._rng, self._suite
        workers = 4 if self._number % 3 == 0 else 0
        yield self._line(
            SessionStarted(
                session_id=self._stream[:12],
                sut=suite.sut,
                testing_system={"name": f"runner-{self._number % 7}", "platform": "linux"},
                pytest="9.2.0",
                python="3.11.7",
                vcs=Vcs(
                    commit=f"{rng.getrandbits(160):040x}",
                    branch="main" if self._number % 4 else f"topic-{self._number}",
                    dirty=False,
                ),
                workers=workers,
            )
        )
        chosen = sorted(rng.sample(range(len(suite.nodeids)), min(tests, len(suite.nodeids))))
        for first in range(0, len(chosen), 500):
            yield self._line(TestsAnnounced(nodeids=[suite.nodeids[i] for i in chosen[first : first + 500]]))
        killed_at = rng.randrange(len(chosen)) if self._number % 40 == 39 else -1
        for place, index in enumerate(chosen):
            worker = f"gw{place % workers}" if workers else ""
            if place == killed_at:
                yield self._line(TestStarted(nodeid=suite.nodeids[index], worker=worker))
                return
            yield from self._test(index, worker)
        yield self._line(
            SessionFinished(
                exit_status=int(self._failed),
                duration_us=self._now_us - self._start_us,
                count=self._seq,
                root=self._root.hexdigest(),
            )
        )

    def _test(self, index: int, worker: str) -> Iterator[bytes]:
        rng, suite = self._rng, self._suite
        nodeid = suite.nodeids[index]
        bad = rng.random() < (0.15 if index in suite.flaky else 0.004)
        attempts = 2 if bad and index in suite.flaky else 1
        for attempt in range(1, attempts + 1):
            yield self._line(TestStarted(nodeid=nodeid, attempt=attempt, worker=worker))
            started_at = self._format(self._now_us)
            duration_us = max(int(suite.typical_us[index] * rng.gauss(1, 0.1)), 30)
            self._now_us += duration_us
            yield self._line(
                self._finished(nodeid, attempt, worker, started_at, duration_us, bad=bad, attempts=attempts)
            )
        if rng.random() < 0.01:
            yield self._line(WarningRecorded(category="DeprecationWarning", message="use the new one", nodeid=nodeid))

    def _finished(
        self, nodeid: str, attempt: int, worker: str, started_at: str, duration_us: int, *, bad: bool, attempts: int
    ) -> TestFinished:
        phases = {"setup": duration_us // 10, "call": duration_us - duration_us // 5, "teardown": duration_us // 10}
        common = {"nodeid": nodeid, "attempt": attempt, "worker": worker, "started_at": started_at}
        if bad and attempt == 1:
            text = TRACEBACK.format(name="order", module="test_orders", number=len(nodeid))
            outcome = "rerun" if attempts > 1 else "failed"
            self._failed = self._failed or outcome == "failed"
            outcomes = {"call": outcome}
            return TestFinished(
                **common,
                outcome=outcome,
                duration_us=duration_us,
                phases=phases,
                phase_outcomes=outcomes,
                longreprtext=text,
            )
        if len(nodeid) % 41 == 0:
            skipped = {"setup": "skipped"}
            return TestFinished(
                **common,
                outcome="skipped",
                duration_us=90,
                phases={"setup": 60, "teardown": 30},
                phase_outcomes=skipped,
            )
        return TestFinished(**common, outcome="passed", duration_us=duration_us, phases=phases, lineno=len(nodeid))

    def _line(self, event: Event) -> bytes:
        self._now_us += 40
        line = encode_event(event, stream=self._stream, seq=self._seq, at=self._format(self._now_us))
        self._root.update(line[-35:-3])
        self._seq += 1
        return line


def generate(events: int, seed: int = 1) -> Iterator[bytes]:
    """Yield the lines of a log with exactly `events` events."""
    rng = random.Random(seed)
    suites = [make_suite(sut, rng) for sut in SUTS]
    made = 0
    number = 0
    sessions = max(events // 500, 1)
    while made < events:
        start_us = START_US + number * SPAN_US // sessions
        suite = suites[rng.randrange(len(suites))]
        for line in Session(suite, number, rng, start_us).lines(min(int(rng.lognormvariate(5.3, 0.7)) + 20, 900)):
            yield line
            made += 1
            if made == events:
                return
        number += 1


def cached_log(events: int, seed: int = 1) -> Path:
    """Return the path of such a log, made now if it is not there yet."""
    path = CACHE / f"log-{events}-{seed}.jsonl"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as stream:
            stream.writelines(generate(events, seed))
        temporary.rename(path)
    return path


def main() -> None:
    """Write a log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with options.out.open("wb") as stream:
        stream.writelines(generate(options.events, options.seed))


if __name__ == "__main__":
    main()
