"""Cost of importing JUnit XML: CPU time against a bare pass of expat over the same bytes, and memory.

python -m benchmarks.interchange [CASES]
"""

import gc
import resource
import sys
import tempfile
import time
from pathlib import Path
from xml.parsers import expat

from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.interchange.importing import import_path
from pytest_insight.interchange.reading import ForeignOptions

CASES = 1_000_000
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


def main(cases: int) -> None:
    """Print the figures."""
    gc.set_threshold(50_000)  # as the command line has it
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.xml"
        write_report(report, cases)
        bare = min(parse_bare(report) for _ in range(3))
        began = time.process_time()
        result = import_path(SessionStore(folder / "log.jsonl"), report, Strategy.SKIP_EXISTING, ForeignOptions())
        took = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert result.verdicts.total() == cases
        print(f"{cases} test cases, {report.stat().st_size >> 20} MiB")
        print(f"bare expat  {bare:6.2f} s  {bare / cases * 1e6:5.2f} us/case")
        print(f"import      {took:6.2f} s  {took / cases * 1e6:5.2f} us/case  {took / bare:.1f} x bare")
        print(f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CASES)
