"""Small histories of the test's own: runs written as strips of letters, and read models of scripted sessions in memory."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from examples import examples
from histories import write_session
from hypothesis import settings
from hypothesis import strategies as st
from pytest_insight.core.history.verdicts.columns import TestRun
from pytest_insight.core.history.verdicts.run import Run
from pytest_insight.core.questions.evidence import Occurrence
from pytest_insight.eventlog.targets.memory_log import MemoryLog
from pytest_insight.projections.readmodel import ReadModel
from small_histories import HOUR_US

VERDICT = {
    "P": "passed",
    "F": "failed",
    "E": "error",
    "S": "skipped",
    "X": "xpassed",
    "x": "xfailed",
    "!": "crashed",
    "/": "cut",
    "r": "rerun",
    "?": "quarantined",
}
"""Verdicts by letter; a space in a strip is a session without the test."""
IS_GOOD = {"P": True, "X": True, "x": True, "F": False, "E": False, "!": False}
"""The sentence of docs/analysis.md, by letter: what says something about the code."""

BASE_US = 1_760_000_000_000_000


def make_test(attempts: str, *, ms: float = 1, order: int = 0, worker: str = "", position: int = -1) -> TestRun:
    """One test in one session: a letter for each of its attempts, the last is its verdict."""
    words = tuple(VERDICT[letter] for letter in attempts)
    outcomes = tuple(word for word in words if word not in ("crashed", "cut"))
    return TestRun(words[-1], outcomes, round(ms * 1000), position, worker, order)


def make_run(number: int, tests: dict[str, str | TestRun], **more) -> Run:
    """A whole session, an hour after the one before it, on a commit and a branch of its own number."""
    made = {
        nodeid: make_test(what, order=order) if isinstance(what, str) else what
        for order, (nodeid, what) in enumerate(tests.items())
    }
    fields = {
        "name": f"s{number}",
        "stream": f"{number:032x}",
        "sut": "shop",
        "started_us": BASE_US + number * HOUR_US,
        "duration_us": 1,
        "status": "complete",
        "commit": f"{number:02d}" * 20,
        "branch": "main",
        "dirty": False,
    }
    return Run(tests=made, **fields | more)


def runs_of_strips(first: int = 0, /, more: dict | None = None, **strips: str) -> list[Run]:
    """Sessions from one strip of letters for each test, a column a session: `a="PPF", b="P F"`."""
    length = max(map(len, strips.values()))
    columns = [
        {name: strip[at] for name, strip in strips.items() if strip[at : at + 1].strip()} for at in range(length)
    ]
    return [make_run(first + at, tests, **more or {}) for at, tests in enumerate(columns)]


def timed_runs(first: int = 0, /, more: dict | None = None, **durations: list[float]) -> list[Run]:
    """Sessions in which every test passed, from the milliseconds of each test in each session."""
    length = max(map(len, durations.values()))
    return [
        make_run(
            first + at,
            {name: make_test("P", ms=took[at]) for name, took in durations.items() if at < len(took)},
            **more or {},
        )
        for at in range(length)
    ]


def seen(number: int, verdict: str = "failed", **more) -> Occurrence:
    """One run of a test as evidence, in the session of this number."""
    fields = {"session": f"s{number}", "stream": f"{number:032x}", "started_us": BASE_US + number * HOUR_US}
    fields |= {"commit": f"{number:02d}" * 20, "verdict": verdict, "outcomes": (verdict,), "duration_s": 0.1}
    return Occurrence(**fields | {"position": 1} | more)


few = settings(max_examples=examples(60))
"""For laws of rules so small that few examples are as good as many."""
scarce = settings(max_examples=examples(25))
"""For laws of whole stores, each of which is made from a log."""

LETTERS = "PPPFFESXx!/ "
NODEIDS = ("a.py::a", "a.py::b", "b.py::c")


def small_histories(*, suts=("shop",), branches=("main",), variants=((),), commits="abc"):
    """Strategy of sessions in order of time, of any of these systems, branches, variants and commits.

    Made from one number each, as drawing every letter would take longer than what is tested.
    """

    def make(rng: random.Random) -> list[Run]:
        return [
            make_run(
                number,
                {"t.py::always": "P"} | {name: what for name in NODEIDS if (what := rng.choice(LETTERS)).strip()},
                sut=rng.choice(suts),
                branch=rng.choice(branches),
                variant=rng.choice(variants),
                commit=rng.choice(commits) * 40,
                dirty=rng.choice([False, False, True, None]),
            )
            for number in range(rng.randint(0, 9))
        ]

    return st.integers(0, 2**32).map(random.Random).map(make)


@contextmanager
def model_of(*sessions: bytes) -> Iterator[ReadModel]:
    """A read model, in memory, of scripted sessions."""
    with ReadModel.open(MemoryLog(data=bytearray(b"".join(sessions))), None) as model:
        model.catch_up()
        yield model


def scripted(name: str, hours: float = 0, results: str = "P", **more) -> bytes:
    """The lines of a session with a test `t.py::0`, `t.py::1`, ... for each letter; `-` for one that never ended."""
    outcomes = [("t.py::" + str(number), VERDICT.get(letter)) for number, letter in enumerate(results)]
    return write_session(name, hours, outcomes, **more)
