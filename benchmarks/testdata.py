"""Test data: create, lock and unlock, clean, restore; beside SQLite doing the same with a transaction for each step."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from pytest_insight.testdata import TestDataManager

from .measure import Figure

DATA = {"username": "ann", "email": "ann@example.com", "roles": ["reader", "writer"], "age": 30, "active": True}


class Rows:
    """The same with SQLite: WAL, no fsync for each transaction, as ours."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript(
            "pragma journal_mode=wal; pragma synchronous=normal;"
            "create table data (id text primary key, namespace text, value text);"
            "create table locks (id text primary key, owner text);"
        )

    def create(self, number: int, namespace: str) -> None:
        """Insert one row in a transaction of its own."""
        row = (f"{namespace}_{number}", namespace, msgspec.json.encode(DATA).decode())
        self.connection.execute("insert into data values (?, ?, ?)", row)

    def lock(self) -> None:
        """Take and give back, in a transaction each."""
        self.connection.execute("insert into locks values ('k', 'me')")
        self.connection.execute("delete from locks where id = 'k'")

    def clean(self, namespace: str) -> None:
        """Delete a namespace."""
        self.connection.execute("delete from data where namespace = ?", (namespace,))

    def copy(self, namespace: str, target: str) -> None:
        """Copy a namespace."""
        query = "insert into data select ? || id, ?, value from data where namespace = ?"
        self.connection.execute(query, (target, target, namespace))


def measure(*, quick: bool = False) -> list[Figure]:
    """Return what each step costs, as a ratio to SQLite."""
    count, turns = (300, 3) if quick else (2000, 5)
    taken: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        manager, rows = TestDataManager(Path(folder, "data")), Rows(Path(folder, "rows.sqlite"))
        for turn in range(turns):
            for name, pair in _turn(manager, rows, count, f"turn-{turn}").items():
                taken.setdefault(name, []).append((_seconds(pair[0]), _seconds(pair[1])))
        health = statistics.median(_seconds(manager.run_health_checks) for _ in range(5))
        manager.store.close()
    targets = {"create": 0.5, "lock and unlock": 0.25, "restore as a copy": 0.02, "clean a namespace": 0.02}
    figures = [_figure(name, pairs, count, targets[name]) for name, pairs in taken.items()]
    note = f"after {turns * count:,} pieces of data"
    return [*figures, Figure("test data: health checks", f"{health * 1000:.1f} ms", "< 50 ms", health < 0.05, note)]


def _turn(
    manager: TestDataManager, rows: Rows, count: int, namespace: str
) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return the steps in the order in which they are to be run, each ours and SQLite's."""
    locks, copy = manager.isolation_manager, f"{namespace}-copy"
    return {
        "create": (
            lambda: [manager.create_test_data("user", DATA, namespace) for _ in range(count)],
            lambda: [rows.create(number, namespace) for number in range(count)],
        ),
        "lock and unlock": (
            lambda: [
                locks.lock_resource("n", "k", "me") and locks.unlock_resource("n", "k", "me") for _ in range(count)
            ],
            lambda: [rows.lock() for _ in range(count)],
        ),
        "restore as a copy": (
            lambda: manager.restore_snapshot(manager.create_snapshot("s", namespace), copy),
            lambda: rows.copy(namespace, copy),
        ),
        "clean a namespace": (lambda: manager.cleanup_test_data(namespace=copy), lambda: rows.clean(copy)),
    }


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _figure(name: str, pairs: list[tuple[float, float]], count: int, target: float) -> Figure:
    ours = count / statistics.median(ours for ours, _ in pairs)
    theirs = count / statistics.median(theirs for _, theirs in pairs)
    ratio = ours / theirs
    note = f"{ours:,.0f}/s; SQLite {theirs:,.0f}/s"
    return Figure(f"test data: {name}", f"{ratio:.2f}x SQLite", f">= {target}x", ratio >= target, note)
