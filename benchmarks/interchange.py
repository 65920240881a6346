"""Cost of importing JUnit XML: CPU time against a bare pass of expat over the same bytes, and memory.

python -m benchmarks interchange
"""

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.interchange.importing import import_path
from pytest_insight.interchange.reading import ForeignOptions

from .measure import ROOT, Figure, environment

CASES = 1_000_000
ROUNDS = 4
_FAILING_EVERY = 50


def write_report(path: Path, cases: int) -> None:
    """Write a report as pytest does, with a failure in each fiftieth test."""
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest"')
        out.write(f' tests="{cases}" time="1.0" timestamp="2026-11-20T10:00:00+00:00">')
        for number in range(cases):
            name = f"tests.api.test_{number % 400}.TestApi"
            out.write(f'<testcase classname="{name}" name="test_case[{number}]" time="0.0{number % 89:02}">')
            if number % _FAILING_EVERY == 0:
                text = f"def test():\n&gt; assert {number} == 0\n"
                out.write(f'<failure message="AssertionError: {number}">{text}</failure>')
            out.write("</testcase>")
        out.write("</testsuite></testsuites>")


def parse_bare(path: Path) -> float:
    """Return the CPU seconds of expat with handlers that do nothing."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: None  # noqa: ARG005
    parser.EndElementHandler = lambda name: None  # noqa: ARG005
    parser.CharacterDataHandler = lambda text: None  # noqa: ARG005
    began = time.process_time()
    with path.open("rb") as stream:
        parser.ParseFile(stream)
    return time.process_time() - began


def import_once(report: Path, folder: Path) -> None:
    """Import a report into a new log, and print the CPU seconds and the peak memory in MB of this process."""
    gc.set_threshold(50_000)  # as the command line has it
    began = time.process_time()
    result = import_path(SessionStore(folder / "log.jsonl"), report, Strategy.SKIP_EXISTING, ForeignOptions())
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_s": took, "peak_mb": peak, "cases": result.verdicts.total()}))


def import_apart(report: Path) -> dict[str, float]:
    """Return what an import in a process of its own took."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", f"{__package__}.interchange", str(report), name]
        told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment())
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measure(*, quick: bool = False) -> Iterator[Figure]:
    """Yield the cost of an import beside its targets: the least of several rounds, in turn with bare passes."""
    cases = 20_000 if quick else CASES
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        write_report(report, cases)
        bare: list[float] = []
        own: list[dict[str, float]] = []
        for _ in range(2 if quick else ROUNDS):
            bare.append(parse_bare(report))
            own.append(import_apart(report))
            bare.append(parse_bare(report))
    assert all(each["cases"] == cases for each in own)
    least, base = min(each["cpu_s"] for each in own), min(bare)
    ratio, peak = least / base, max(each["peak_mb"] for each in own)
    note = f"{least / cases * 1e6:.1f} us a test case, bare expat {base / cases * 1e6:.1f}"
    yield Figure(f"import of {cases:,} JUnit test cases : bare expat", f"{ratio:.1f}x", "<= 10x", ratio <= 10, note)
    yield Figure("import of JUnit XML, memory", f"{peak:.0f} MB", "<= 150 MB", peak <= 150)


if __name__ == "__main__":
    import_once(Path(sys.argv[1]), Path(sys.argv[2]))
