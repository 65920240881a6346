"""Export and import of 100,000 results, beside the standard library's `json` over the same sessions."""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.storage import JSONStorage

from .measure import WORK, Figure

START = datetime(2026, 1, 1, tzinfo=UTC)


def measure(*, quick: bool = False) -> list[Figure]:
    """Return what exporting and importing takes, in each format."""
    sessions, tests = (100, 20) if quick else (1000, 100)
    results = sessions * tests
    source = _storage("exchange.jsonl")
    source.save_sessions(_session(number, tests) for number in range(sessions))
    figures: list[Figure] = []
    plain_write, plain_read = _plain(source, WORK / "plain.json")
    for form, target in (("jsonl", 1.0), ("json", 4.0), ("csv", None)):
        path = WORK / f"exchange-out.{form}"
        taken = _median(lambda path=path: source.export_sessions(path))
        ok = target is None or taken <= target * plain_write
        figures.append(_figure(f"export of {results:,} results as {form}", taken, plain_write, target, ok=ok))
    for form in ("jsonl", "json"):
        path = WORK / f"exchange-out.{form}"
        taken = _median(lambda path=path: _storage("exchange-in.jsonl").import_sessions(path))
        figures.append(_figure(f"import of {results:,} results from {form}", taken, plain_read, None, ok=True))
    again = _storage("exchange-in.jsonl")
    again.import_sessions(WORK / "exchange-out.jsonl")
    taken = _median(lambda: again.import_sessions(WORK / "exchange-out.jsonl"))
    figures.append(_figure("importing the same jsonl again", taken, plain_read, None, ok=True))
    loaded = _median(source.load_sessions)
    note = f"{sessions:,} sessions, {results:,} results; their logs are not read"
    figures.append(Figure("load_sessions", f"{loaded * 1000:.0f} ms", "< 500 ms", loaded < 0.5, note))
    many = _storage("many-sessions.jsonl")
    count = 1_000 if quick else 10_000
    many.save_sessions([_session(number, 5) for number in range(count)])
    of_many = _median(many.load_sessions)
    growth = of_many / count / (loaded / sessions)
    note = f"{of_many * 1000:.0f} ms, {growth:.2f}x a session of what {sessions:,} take"
    figures.append(
        Figure(
            f"load_sessions of {count:,} sessions", f"{of_many / count * 1e6:.0f} us a session", "-", ok=True, note=note
        )
    )
    return figures


def _figure(name: str, taken: float, plain: float, target: float | None, *, ok: bool) -> Figure:
    limit = "-" if target is None else f"<= {target:g}x"
    return Figure(name, f"{taken / plain:.2f}x json", limit, ok, f"{taken:.2f} s; the json module {plain:.2f} s")


def _plain(source: JSONStorage, path: Path) -> tuple[float, float]:
    """Seconds for the standard library to write, and to read and index, the same sessions as dictionaries in memory."""
    documents = []
    for session in source.load_sessions():
        source.store.fill(session)
        documents.append(session.to_dict())
    written = _median(lambda: path.write_text(json.dumps(documents, indent=2)))
    return written, _median(lambda: {item["session_id"]: item for item in json.loads(path.read_text())})


def _median(action) -> float:  # noqa: ANN001 - whatever is to be timed
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _storage(name: str) -> JSONStorage:
    path = WORK / name
    path.unlink(missing_ok=True)
    return JSONStorage(path)


def _session(number: int, tests: int) -> TestSession:
    start = START + timedelta(minutes=10 * number)
    results = [
        TestResult(
            f"tests/test_{test % 10}.py::test_number_{test}",
            "failed" if (number + test) % 50 == 0 else "passed",
            start + timedelta(seconds=test),
            duration=0.25,
            capstdout="some output\n" * 3,
            longreprtext="E   assert 0\n" * 10 if (number + test) % 50 == 0 else "",
        )
        for test in range(tests)
    ]
    return TestSession(
        "shop", session_id=f"s{number}", session_start_time=start, session_duration=600.0, test_results=results
    )
