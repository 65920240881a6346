"""How long it takes from an append until `insight tail -f` has shown the event."""

import random
import subprocess
import sys
import threading
import time

from pytest_insight.eventlog.events import SessionStarted, TestStarted
from pytest_insight.eventlog.writer import LogWriter

from .measure import ROOT, WORK, Figure, environment


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the latency of tail at the median and at the 99th percentile, with one and with eight writers."""
    return [_latency(writers, 200 if quick else 1600) for writers in (1, 8)]


def _latency(writers: int, count: int) -> Figure:
    log = WORK / f"tail-{writers}.jsonl"
    log.unlink(missing_ok=True)
    LogWriter(log).close()
    command = [sys.executable, "-m", "pytest_insight.cli", "tail", "-f", "--json", str(log)]
    shown: dict[str, float] = {}
    appended: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT) as process:

        def read() -> None:
            for line in process.stdout or ():
                name = line.partition('"nodeid":"')[2].partition('"')[0]
                if name:
                    shown[name] = time.perf_counter()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        time.sleep(1.5)
        threads = [threading.Thread(target=_write, args=(log, w, count // writers, appended)) for w in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(1)
        process.terminate()
        reader.join(5)
    times = sorted(shown[name] - appended[name] for name in appended if name in shown)
    missing = len(appended) - len(times)
    p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
    return Figure(
        f"tail, {writers} writer{'s' * (writers > 1)}",
        f"{p99:.0f} ms at p99",
        "<= 100 ms",
        p99 <= 100 and not missing,
        f"{p50:.1f} ms at p50, {missing} of {len(appended)} missing",
    )


def _write(log: object, number: int, count: int, appended: dict[str, float]) -> None:
    rng = random.Random(number)
    writer = LogWriter(log)  # type: ignore[arg-type]
    writer.append(SessionStarted(session_id=writer.stream[:12], sut="shop"))
    for index in range(count):
        time.sleep(rng.expovariate(1 / 0.02))
        name = f"{number}-{index}"
        appended[name] = time.perf_counter()
        writer.append(TestStarted(nodeid=name))
    writer.close()
