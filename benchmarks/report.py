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
from pathlib import Path
from statistics import median
from typing import Any

from .generate import SPAN_US, START_US, Session, Suite
from .measure import Figure

ROUNDS = 5
SEARCHES = ("invoice", "create", "42", "invoice eu")
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


def measure_page(folder: Path, tests: int, sessions: int) -> tuple[Path, int, int, float]:
    """Return a report of a history of a size: its page, all bytes, those without data, and its CPU time in seconds."""
    log, out = folder / f"{tests}.jsonl", folder / f"{tests}.html"
    with log.open("wb") as stream:
        stream.writelines(history(tests, sessions))
    cpu, _ = make_report(log, out, folder / "home")
    data = re.search(r'id="data">([^<]*)<', out.read_text())
    size = out.stat().st_size
    return out, size, size - len(data[1] if data else ""), cpu


def measure(*, quick: bool = False) -> Iterator[Figure]:
    """Yield the figures beside their targets; those of a browser only where Chromium is."""
    tests = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, small, _, _ = measure_page(folder, 100, 100)
        yield Figure("report of 10,000 results", f"{small / 1000:.0f} kB", "<= 150 kB", small <= 150_000)
        page, size, static, cpu = measure_page(folder, tests, 100)
        what = f"report of {tests * 100:,} results"
        yield Figure(what, f"{size / 1000:.0f} kB", "<= 1,500 kB", size <= 1_500_000, f"made in {cpu:.1f} s of CPU")
        yield Figure(f"{what}, without its data", f"{static / 1000:.0f} kB", "<= 150 kB", static <= 150_000)
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
        yield Figure("main thread, a page with a row a test : report", f"{ratio:.1f}", ">= 3", ratio >= 3)


def main() -> None:
    """Print all figures."""
    for figure in measure():
        print(f"{figure.name}: {figure.value} (target {figure.target}) {figure.note}", flush=True)


if __name__ == "__main__":
    main()
