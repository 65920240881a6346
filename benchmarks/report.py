"""Measure `insight report`: size of the page, time to make and to paint it, next to a page with a row a test.

python -m benchmarks.report
"""

import base64
import gzip
import html
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import Event, SessionFinished, SessionStarted, TestFinished
from pytest_insight.eventlog.times import TimeFormatter
from pytest_insight.reports.texts import counted

from .generate import SPAN_US, START_US, Session, Suite
from .measure import Figure

ROUNDS = 5
SEARCHES = ("invoice", "create", "42", "invoice eu")
ELEMENT = re.compile("<[a-z]")
WORDS = ("create", "update", "delete", "list", "export", "refund", "retry", "login", "merge", "render")


def make_suite(tests: int, rng: random.Random) -> Suite:
    """Invent a suite of a size."""
    folders = [f"tests/{area}/{kind}" for area in ("api", "billing", "checkout", "core") for kind in ("unit", "e2e")]
    nodeids = sorted(
        f"{folders[number % len(folders)]}/test_{WORDS[number % 10]}_{number % 97}.py::test_{number}_of_invoice[eu]"
        for number in range(tests)
    )
    flaky = set(rng.sample(range(tests), max(tests // 60, 1)))
    return Suite("shop", nodeids, [int(rng.lognormvariate(9, 1.6)) + 50 for _ in nodeids], flaky)


def history(tests: int, sessions: int) -> Iterator[bytes]:
    """Yield the lines of a log with a session every few hours."""
    rng = random.Random(1)
    suite = make_suite(tests, rng)
    step = min(SPAN_US // 730 // 4, 29 * 86_400_000_000 // sessions)
    for number in range(sessions):
        yield from Session(suite, number, rng, START_US + number * step).lines(tests)


def failing_session(kinds: int) -> Iterator[bytes]:
    """Yield a session of tests that fail each with a traceback of its own, of 40 lines."""
    rng, suite = random.Random(2), make_suite(kinds, random.Random(1))
    stream, root, at = f"{rng.getrandbits(128):032x}", line_hash(), TimeFormatter()(START_US)
    events: list[Event] = [SessionStarted(session_id=stream[:12], sut="shop")]
    for number, nodeid in enumerate(suite.nodeids):
        lines = [_step(rng) for _ in range(19)]
        text = "\n".join(
            [f"def test_{number}(order):", *lines, f"E   {rng.choice(WORDS)}Error: {word_of(number)} is wrong"]
        )
        outcome = {"outcome": "failed", "phases": {"call": 1000}, "phase_outcomes": {"call": "failed"}}
        events.append(TestFinished(nodeid=nodeid, duration_us=1000, longreprtext=text, **outcome))
    for seq, event in enumerate(events):
        line = encode_event(event, stream=stream, seq=seq, at=at)
        root.update(line[-35:-3])
        yield line
    seal = SessionFinished(exit_status=1, duration_us=1_000_000, count=len(events), root=root.hexdigest())
    yield encode_event(seal, stream=stream, seq=len(events), at=at)


def _step(rng: random.Random) -> str:
    """Return a step of a traceback: a place, and the line of code that stands there."""
    first, second, third = (rng.choice(WORDS) for _ in range(3))
    place = f"src/shop/{first}/{second}_orders.py:{rng.randrange(400)}: in {first}_{third}"
    return f'{place}\n    return self.{third}_{second}(order, amount={rng.randrange(10_000)}, region="eu", timeout=30)'


def word_of(number: int) -> str:
    """Return a word for a number; digits would be taken for what differs from run to run."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def make_report(log: Path, out: Path, home: Path, *more: str) -> tuple[float, float]:
    """Make a report in a process of its own; return its CPU time in seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "pytest_insight.cli", "report", str(log), "-o", str(out), *more]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTEST_INSIGHT_HOME": str(home)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, after.ru_maxrss / 1000


def naive_page(report: Path) -> str:
    """Return the tests of a report as one table row each, with a mark for each of 5 sessions."""
    data = re.search(r'id="data">([^<]*)<', report.read_text())
    assert data is not None
    body = gzip.decompress(base64.b64decode(data[1]))
    head: dict[str, Any] = __import__("json").loads(body[4 : 4 + int.from_bytes(body[:4], "big")])
    cells = "".join("<td><span>passed</span></td>" for _ in range(2))
    rows = "".join(f"<tr><td>{html.escape(name)}</td>{cells}</tr>" for name in head["tests"])
    return f"<!DOCTYPE html><meta charset=utf-8><title>naive</title><table>{rows}</table>"


def paint(page: Path) -> dict[str, float]:
    """Return when a page is painted and ready, and its time on the main thread, in seconds: medians of five."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where pages are painted

    found: dict[str, list[float]] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(ROUNDS):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable")
            tab.goto(page.as_uri())
            tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            if "naive" not in page.name:
                tab.wait_for_selector("html[data-ready]", state="attached")
            times = tab.evaluate(
                "[performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " (performance.getEntriesByName('ready')[0] || {startTime: 0}).startTime]"
            )
            metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
            found.setdefault("paint", []).append(times[0] / 1000)
            found.setdefault("ready", []).append(times[1] / 1000)
            found.setdefault("main thread", []).append(metrics["TaskDuration"])
            found.setdefault("elements", []).append(tab.evaluate("document.querySelectorAll('*').length"))
            if "naive" not in page.name:
                for words in SEARCHES:
                    tab.fill("#find", words)
                measured = "performance.getEntriesByName('search').map((each) => each.duration)"
                found.setdefault("search", []).append(median(tab.evaluate(measured)) / 1000)
            tab.close()
        browser.close()
    return {name: median(values) for name, values in found.items()}


@dataclass(frozen=True)
class Page:
    """A report that was measured."""

    path: Path
    bytes: int
    static: int
    """Bytes without its data."""
    elements: int
    cpu_s: float


def measure_page(folder: Path, lines: Iterator[bytes]) -> Page:
    """Return the report about a log."""
    log, out = folder / "log.jsonl", folder / "report.html"
    with log.open("wb") as stream:
        stream.writelines(lines)
    cpu_s, _ = make_report(log, out, folder / "home", "--max-size", "100MB")
    page, size = out.read_text(), out.stat().st_size
    data = re.search(r'id="data">([^<]*)<', page)
    return Page(out, size, size - len(data[1] if data else ""), len(ELEMENT.findall(page)), cpu_s)


def measure_sizes(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Yield the sizes of pages about histories of other shapes."""
    for tests, sessions in ((100, 100), (1_000, 10)):
        size = measure_page(folder, history(tests, sessions)).bytes
        what = f"report of {tests:,} tests in {counted(sessions, 'session')}"
        yield Figure(what, f"{size / 1000:.0f} kB", "<= 100 kB", size <= 100_000)
    size = measure_page(folder, failing_session(500)).bytes
    yield Figure("report of 500 tracebacks of 40 lines", f"{size / 1000:.0f} kB", "<= 600 kB", size <= 600_000)
    for tests, sessions in ((1, 500), (5_000, 1)) if quick else ((1, 10_000), (100_000, 1)):
        page = measure_page(folder, history(tests, sessions))
        yield static_figure(f"report of {counted(tests, 'test')} in {counted(sessions, 'session')}", page)


def static_figure(what: str, page: Page) -> Figure:
    """Return the size of a page without its data."""
    value = f"{page.static / 1000:.0f} kB, {page.elements:,} elements"
    is_small = page.static <= 150_000 and page.elements <= 3_000
    return Figure(
        f"{what}, without its data", value, "<= 150 kB, <= 3,000", is_small, f"{page.bytes / 1000:.0f} kB in all"
    )


def measure(*, quick: bool = False) -> Iterator[Figure]:
    """Yield the figures beside their targets; those of a browser only where Chromium is."""
    tests = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from measure_sizes(folder, quick=quick)
        made = measure_page(folder, history(tests, 100))
        page, size = made.path, made.bytes
        what = f"report of {tests * 100:,} results"
        yield Figure(
            what, f"{size / 1000:.0f} kB", "<= 1,500 kB", size <= 1_500_000, f"made in {made.cpu_s:.1f} s of CPU"
        )
        yield static_figure(what, made)
        if shutil.which("chromium") is None:
            return
        naive = folder / "naive.html"
        naive.write_text(naive_page(page))
        own, other = paint(page), paint(naive)
        ratio = other["main thread"] / own["main thread"]
        yield Figure("report, first paint", f"{own['paint']:.2f} s", "<= 1 s", own["paint"] <= 1)
        yield Figure("report, search ready", f"{own['ready']:.2f} s", "<= 2 s", own["ready"] <= 2)
        search = own["search"] * 1000
        yield Figure(f"report, search in {tests:,} tests", f"{search:.0f} ms", "<= 50 ms", search <= 50)
        if not quick:  # a page of few rows costs next to nothing either way
            yield Figure("main thread, a page with a row a test : report", f"{ratio:.1f}", ">= 3", ratio >= 3)


def main() -> None:
    """Print all figures."""
    for figure in measure():
        print(f"{figure.name}: {figure.value} (target {figure.target}) {figure.note}", flush=True)


if __name__ == "__main__":
    main()
