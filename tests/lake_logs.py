"""Logs of several months for tests of the lake, a slow reading of them by itself, and its tables read by DuckDB."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import duckdb
from deltalake import DeltaTable
from histories import write_line, write_session

OCTOBER = datetime(2024, 10, 7, 9, 30, tzinfo=UTC)
SECRET = "hunter2-canary"
TESTS = [f"test_{module}.py::test_{number}[{'ä' * (number % 2)}]" for module in ("cart", "pay") for number in range(4)]


def failing(name, start, message, *, nodeid="test_pay.py::test_text"):
    """Lines of a sealed session with one test, which failed with a message."""
    stream = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    cause = {"path": "test_pay.py", "lineno": 3, "message": message}
    head = {"session_id": name, "sut": "shop", "vcs": {"commit": "f" * 40, "branch": "main", "dirty": True}}
    finished = {"nodeid": nodeid, "outcome": "failed", "duration_us": 1500, "longreprtext": message, "cause": cause}
    return b"".join(
        [
            write_line("session.started", stream, 0, start, **head),
            write_line("test.started", stream, 1, start, nodeid=nodeid),
            write_line("test.finished", stream, 2, start + timedelta(seconds=1), **finished),
        ]
    )


def three_months():
    """A log with sessions of three months: all outcomes, retries, two branches and variants, a module, one cut off."""
    sessions = []
    for number in range(18):
        start = OCTOBER + timedelta(days=4 * number)
        results = [
            (nodeid, "failed" if (number + at) % 7 == 0 else "passed", at + 1) for at, nodeid in enumerate(TESTS)
        ]
        if number % 3 == 0:
            results += [("test_flaky.py::test_it", "rerun", 5), ("test_flaky.py::test_it", "passed", 7)]
        if number % 5 == 4:
            results += [("test_pay.py::test_skip", "skipped"), ("test_pay.py::test_odd", "xpassed")]
        if number == 7:
            results.append(("test_pay.py::test_hangs", None))
        sessions.append(
            write_session(
                f"s{number}",
                0,
                results,
                start=start,
                commit="abc"[number // 2 % 3],
                branch="main" if number % 4 else "topic",
                python="3.12.1" if number % 2 else "3.11.7",
                seal=number != 7,
                uncollected=("test_gone.py",) if number == 11 else (),
                sut="shop" if number % 6 else "shöp/2",
            )
        )
    return b"".join(sessions)


def slow_results(data):
    """Results by session and test, folded line by line from what the format says: verdict, outcomes, seconds."""
    sessions = {}
    for line in data.splitlines():
        event = json.loads(line)
        session = sessions.setdefault(event["stream"], {"results": {}, "open": set()})
        kind, node = event["type"], event.get("nodeid")
        if kind == "session.started":
            session |= {"name": event["session_id"], "month": event["at"][:7], "at": event["at"], "sut": event["sut"]}
        elif kind == "collection.failed":
            session["results"]["module", node] = ["error", ["error"], 0.0]
        elif kind == "test.started":
            session["open"].add(node)
        elif kind == "test.finished":
            session["open"].discard(node)
            _, outcomes, _ = session["results"].get(("test", node), ["", [], 0])
            outcomes = [*outcomes, event["outcome"]]
            session["results"]["test", node] = [event["outcome"], outcomes, event["duration_us"] / 1e6]
    found = {}
    for session in sessions.values():
        results = session["results"] | {("test", node): ["crashed", [], 0.0] for node in session["open"]}
        for (kind, node), (verdict, outcomes, seconds) in results.items():
            found[session["name"], node] = (session["month"], session["sut"], kind, verdict, tuple(outcomes), seconds)
    return found


def connect(place, **options):
    """A connection of DuckDB with views of the tables of a lake."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for name in ("results", "sessions"):
        files = [unquote(uri) for uri in DeltaTable(f"{place}/{name}", **options).file_uris()]
        if files:
            more = "hive_partitioning = true, union_by_name = true"
            database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files}, {more})")
    return database


def lake_results(place):
    """The same of the lake, with the rows checked to be one each."""
    rows = (
        connect(place)
        .execute("SELECT session_id, nodeid, month, sut, kind, verdict, outcomes, duration_s FROM results")
        .fetchall()
    )
    found = {
        (name, node): (month, sut, kind, verdict, tuple(out), s)
        for name, node, month, sut, kind, verdict, out, s in rows
    }
    assert len(found) == len(rows)
    return found


def versions(place):
    """Numbers of commits of both tables."""
    return [DeltaTable(f"{place}/{name}").version() for name in ("results", "sessions")]


def texts_in(place):
    """Every byte of the current and earlier files of a lake that is text: logs of the tables, and columns of Parquet."""
    found = []
    for path in sorted(place.rglob("*")):
        if path.suffix == ".parquet":
            found.append(str(duckdb.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()))
            found.append(re.sub(rb"[^ -~]", b"", path.read_bytes()).decode())
        elif path.is_file():
            found.append(path.read_text(errors="replace"))
    return found
