"""Questions to a collector at a million results: SQL over its tables, and the endpoints."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.views.projecting import project_all

from .collector import Bench, bench, load_of
from .measure import Figure

EVENTS, EVENTS_QUICK = 2_100_000, 400_000
DAYS = 30
ROUNDS = 5
SQL = {
    "newest 50 sessions": (
        20,
        (
            "select session_id, sut, branch, started_at, status, tests, failed from insight.sessions"
            " order by started_at desc limit 50"
        ),
    ),
    "history of a test, month": (
        50,
        (
            "select started_at, session_id, verdict, duration_s from insight.tests where nodeid = %(nodeid)s"
            " and started_at > %(month)s order by started_at desc"
        ),
    ),
    "failures of a week": (
        30,
        (
            "select nodeid, count(*) from insight.tests where notable and verdict in ('failed', 'error', 'crashed')"
            " and started_at > %(week)s group by 1 order by 2 desc"
        ),
    ),
    "flaky of a month": (
        200,
        (
            "select nodeid, sum(flaky), sum(runs) from insight.test_days where day > %(month)s"
            " group by 1 having sum(flaky) > 0 order by 2 desc"
        ),
    ),
}
"""Questions to the tables, with the milliseconds that they may take."""

ENDPOINTS = {
    "newest 50 sessions": "/session-list?run=",
    "history of a test, month": "/tests/history?nodeid={nodeid}&all=1",
    "failures of a week": "/failures?days=7",
    "flaky of a month": "/flaky?days=30",
}


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the time of each question to the tables, beside that of the endpoint."""
    load = load_of(EVENTS_QUICK if quick else EVENTS, DAYS)
    with bench() as running:
        running.projector("suspend")
        running.push(load.bodies, 8)
        engine = open_engine(running.url, pool_size=2)
        while project_all(engine):
            pass
        engine.dispose()
        _grant(running)
        return _ask_all(running, load.results)


def _grant(running: Bench) -> None:
    with psycopg.connect(running.url) as connection:
        connection.execute("create role asking")
        connection.execute("grant usage on schema insight to asking")
        connection.execute("grant select on all tables in schema insight to asking")
        connection.execute("insert into reader select 'asking', id from team")
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze")


def _ask_all(running: Bench, results: int) -> list[Figure]:
    now = datetime.now(UTC)
    figures: list[Figure] = []
    with psycopg.connect(running.url) as connection:
        query = "select n.nodeid from node n join result r on r.node = n.id group by 1 order by count(*) desc limit 1"
        row = connection.execute(query).fetchone()
        nodeid = str(row[0]) if row else ""
        values = {"nodeid": nodeid, "week": now - timedelta(days=7), "month": now - timedelta(days=DAYS)}
        connection.execute("set role asking")
        first_ms, _ = running.ask("GET", "/api/v1/suts")
        for name, (most_ms, text) in SQL.items():
            taken, rows = _time_query(connection, text, values)
            path = ENDPOINTS[name].format(nodeid=quote(nodeid)).removesuffix("?run=")
            asked = [running.ask("GET", f"/api/v1{path}")[0] for _ in range(3)]
            note = f"{rows} rows at {results:,} results; the endpoint {min(asked):.0f} ms"
            title = f"collector, SQL: {name}"
            figures.append(Figure(title, f"{taken:.1f} ms", f"<= {most_ms} ms", taken <= most_ms, note))
    note = f"of {results:,} results in the tables"
    figures.append(
        Figure("collector: first question to a new server", f"{first_ms / 1000:.1f} s", "-", ok=True, note=note)
    )
    return figures


def _time_query(connection: Any, text: str, values: dict[str, Any]) -> tuple[float, int]:
    taken: list[float] = []
    rows: list[Any] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = connection.execute(text, values).fetchall()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), len(rows)
