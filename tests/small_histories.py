"""Sessions in memory, written as short texts: `"a=P b=rP c=F@20 d=C"` is one session with four tests.

Each letter is an attempt, the last one decides; `@20` are milliseconds of the last attempt. A name without `::` is a
test of `t.py`. `C` was running when its session was killed, and `K` when the user interrupted it.
"""

from collections.abc import Iterable
from typing import Any

from pytest_insight.core.history.verdicts.columns import TestRun
from pytest_insight.core.history.verdicts.run import Run

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
OUTCOMES = {
    "P": "passed",
    "F": "failed",
    "E": "error",
    "S": "skipped",
    "x": "xfailed",
    "X": "xpassed",
    "r": "rerun",
    "?": "other",
}
LEFT_OPEN = {"C": "crashed", "K": "cut"}
GOOD_LETTERS, BAD_LETTERS = frozenset("PxX"), frozenset("FEC")
"""What the letters mean to a reader of pytest's summary; written by hand, so that it checks the table of results."""


def node(name: str) -> str:
    """Return the node id of a short name."""
    return name if "::" in name else f"t.py::{name}"


def make_test(letters: str, ms: float = 1, position: int = 0, worker: str = "", order: int = 0) -> TestRun:
    """Return the result of a test from the letters of its attempts."""
    last = letters[-1]
    outcomes = tuple(OUTCOMES[letter] for letter in letters if letter in OUTCOMES)
    verdict = LEFT_OPEN.get(last) or OUTCOMES[last]
    is_open = last in LEFT_OPEN
    return TestRun(verdict, outcomes, 0 if is_open else round(ms * 1000), -1 if is_open else position, worker, order)


def make_tests(text: str, number: int = 0) -> dict[str, TestRun]:
    """Return the tests of a session; those of a worker are written behind its name and a colon: `gw0: a=P b=F`."""
    found: dict[str, TestRun] = {}
    worker = ""
    for word in text.split():
        if word.endswith(":"):
            worker = word[:-1]
            continue
        name, _, result = word.rpartition("=")
        letters, _, ms = result.partition("@")
        found[node(name)] = make_test(letters, float(ms or 1), number * 1000 + len(found), worker, len(found))
    return found


def make_run(number: int, text: str = "", **more: Any) -> Run:
    """Return session `s<number>` of an hour of its own; commits, branches and variants are given by name."""
    fields: dict[str, Any] = {
        "name": f"s{number}",
        "stream": f"{number:032x}",
        "sut": "shop",
        "started_us": number * HOUR_US,
        "duration_us": 1_000_000,
        "status": "complete",
        "commit": "",
        "branch": "main",
        "dirty": False,
    }
    return Run(**(fields | {"tests": make_tests(text, number)} | more))


def make_sessions(*texts: str, **more: Any) -> list[Run]:
    """Return sessions 1, 2, ... of the same branch and variant."""
    return [make_run(number, text, **more) for number, text in enumerate(texts, 1)]


def runs_of_letters(letters: str, name: str = "a", **more: Any) -> list[Run]:
    """Return one session for each letter, with one test; a space is a session without it."""
    return [make_run(at, f"{name}={one}" if one != " " else "", **more) for at, one in enumerate(letters, 1)]


def names_of(items: Iterable[Any]) -> list[str]:
    """Return the short names of what has a node id."""
    return [item.nodeid.removeprefix("t.py::") for item in items]
