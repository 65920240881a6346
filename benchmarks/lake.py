"""Ten million results as a table: exporting them, and five questions by DuckDB, equal to the read model's answers."""

import re
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
from deltalake import DeltaTable
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.compare import compare_runs
from pytest_insight.core.history.windows import Window
from pytest_insight.projections.readmodel import ReadModel

from .generate import SUTS, cached_log
from .measure import ROOT, WORK, Figure, peak_memory_mb

EVENTS, EVENTS_QUICK = 20_400_000, 400_000
MONTH, WEEKS = "2025-06", ("2025-06-02", "2025-06-09", "2025-06-16")
SUT, VARIANT = "checkout", "os=Linux python=3.11"
QUESTION_S = 1.0
MEMORY_MB = 1000
ROUNDS = 3

EXPORT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from pytest_insight.lake import export
from pytest_insight.projections.readmodel import ReadModel
if sys.argv[4] == "one":
    export.month_of = lambda _: "2024-01"
began = time.process_time()
with ReadModel.open(sys.argv[1], Path(sys.argv[2])) as model:
    model.catch_up()
    months = list(export.Lake(sys.argv[3]).export(model, [], datetime.now(UTC)))
print(time.process_time() - began, sum(month.results for month in months), *{month.action for month in months})
"""
"""Exports a log; with `one` as if all of it were one month."""


def measure(*, quick: bool = False) -> list[Figure]:
    """Return figures of an export and of the five questions."""
    log = cached_log(EVENTS_QUICK if quick else EVENTS).resolve()
    model_file = WORK / f"questions-{log.stem}.sqlite"
    place = WORK / f"lake-{log.stem}"
    with ReadModel.open(log, model_file) as model:
        model.catch_up()
        figures = _measure_exports(log, model_file, place)
        database = _connect(place)
        questions, answers = _read_questions(model), _ask_model(model)
        for name, answer in answers.items():
            seconds, rows = _time_query(database, questions[name])
            expected = answer()
            assert _as_set(name, rows) == expected, name
            assert len(expected) > 0, name
            note = f"{len(rows)} rows, equal to the read model's answer"
            figures.append(Figure(f"lake: {name}", f"{seconds * 1000:.0f} ms", "<= 1 s", seconds <= QUESTION_S, note))
    return figures


def _measure_exports(log: Path, model_file: Path, place: Path) -> list[Figure]:
    figures: list[Figure] = []
    for name, folder, how in (
        ("export by months", place, ""),
        ("export again, nothing new", place, ""),
        ("export as one month", place.with_name(f"{place.name}-one"), "one"),
    ):
        megabytes, printed = peak_memory_mb(EXPORT, str(log), str(model_file), str(folder), how)
        cpu_s, results, *actions = printed.split()
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        note = (
            f"{megabytes:.0f} MB; {int(results):,} results, {size / int(results):.1f} bytes each; {' '.join(actions)}"
        )
        per_result = float(cpu_s) / int(results) * 1e6
        ok = megabytes <= MEMORY_MB
        figures.append(Figure(f"lake: {name}", f"{per_result:.1f} us CPU a result", "<= 1 GB", ok, note))
    return figures


def _connect(place: Path) -> Any:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for name in ("results", "sessions"):
        files = [unquote(uri) for uri in DeltaTable(place / name).file_uris()]
        options = "hive_partitioning = true, union_by_name = true"
        database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files}, {options})")  # noqa: S608
    return database


def _read_questions(model: ReadModel) -> dict[str, str]:
    """Return the questions of docs/lake.md with the months, weeks and names of the generated log."""
    page = (ROOT / "docs" / "lake.md").read_text()
    found = dict(re.findall(r"<!-- question: ([^>]*) -->\n```sql\n(.*?)```", page, re.DOTALL))
    values = {
        "2024-11-04": WEEKS[0],
        "2024-11-11": WEEKS[1],
        "2024-11-18": WEEKS[2],
        "'2024-11'": f"'{MONTH}'",
        "test_pay.py::test_rate": _some_test(model),
        "'shop'": f"'{SUT}'",
        "os=Linux python=3.12": VARIANT,
    }
    for name, text in found.items():
        for before, after in values.items():
            text = text.replace(before, after)  # noqa: PLW2901 - one after the other
        found[name] = text
    return found


def _some_test(model: ReadModel) -> str:
    names = model.nodeids()
    return names[len(names) // 2]


def _ask_model(model: ReadModel) -> dict[str, Callable[[], set[Any]]]:
    """Return the answers of the read model to the same questions."""
    first, middle, last = (int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1e6) for day in WEEKS)
    begin = datetime.fromisoformat(f"{MONTH}-01T00:00:00+00:00")
    month = Window(*(int(each.timestamp() * 1e6) for each in (begin, begin.replace(month=begin.month + 1, tzinfo=UTC))))
    test = _some_test(model)

    def compared() -> set[Any]:
        sides = [Analysis.of_model(model, SUT, Window(*span)).considered for span in ((first, middle), (middle, last))]
        found = compare_runs(*sides)
        lists = {
            "new failure": found.new_failures,
            "fixed": found.new_passes,
            "still failing": found.still_failing,
            "missing": found.missing_tests,
            "new test": found.new_tests,
        }
        return {(change.nodeid, word) for word, changes in lists.items() for change in changes}

    def flaky() -> set[Any]:
        found = {sut: Analysis.of_model(model, sut, month).on_branch("main").flaky_tests() for sut in SUTS}
        return {
            (sut, each.nodeid, each.rule, each.count, each.considered)
            for sut, all_of in found.items()
            for each in all_of
        }

    return {
        "newest sessions": lambda: {row.session_id for row in model.sessions(limit=50)},
        "history of a test": lambda: {
            (one.session, one.commit, one.branch, one.variant, one.verdict, one.duration_s)
            for one in Analysis.of_test(model, test, alone=True).history_of(test)
        },
        "failures of a week": lambda: {
            (each.message, each.count, len(each.tests), each.tests[0])
            for each in Analysis.of_model(model, None, Window(first, middle)).failure_clusters()
        },
        "flaky tests of a month": flaky,
        "two weeks compared": compared,
    }


def _as_set(name: str, rows: list[Any]) -> set[Any]:
    columns: dict[str, Callable[[Any], Any]] = {
        "newest sessions": lambda row: row[0],
        "history of a test": lambda row: row[1:],
        "two weeks compared": lambda row: (row[0], row[3]),
    }
    read = columns.get(name, tuple)
    return {read(row) for row in rows}


def _time_query(database: Any, query: str) -> tuple[float, list[Any]]:
    taken: list[float] = []
    rows: list[Any] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = database.execute(query).fetchall()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), rows
