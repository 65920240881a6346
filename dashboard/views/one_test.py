"""The page of one test: its runs, its newest failure, and after which tests it fails."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.history.modules import FAILED
from ...core.overview.marks import mark_word
from ...core.questions.order import suspects_of
from ...projections.rules import BAD
from ...reports.limits import STRIP_RUNS
from ...reports.texts import counted, visible

if TYPE_CHECKING:
    from ...core.history.verdicts.columns import TestRun
    from ...core.history.verdicts.run import Run
    from ...core.questions.order import OrderSuspect
    from ...reports.answers import SessionLine
    from ...reports.clusters import Cluster
    from ..survey import SurveyAnswers

RUNS_SHOWN = 100


@dataclass(frozen=True)
class RunLine:
    """One run of the test."""

    session: "SessionLine"
    word: str
    """Of its mark."""
    verdict: str
    duration_s: float
    worker: str
    attempts: int
    cluster: "Cluster | None"
    """The kind of its failure."""


@dataclass(frozen=True)
class TestPage:
    """One test."""

    __test__ = False  # no test to pytest

    nodeid: str
    verdict: str
    """The sentence that the page begins with."""
    facts: list[str]
    strips: list[tuple[str, tuple[str, ...]]]
    """Variants with the words of their last runs."""
    lines: list[RunLine]
    """All runs, the newest first."""
    newest: "Cluster | None"
    """The kind of its newest failure."""
    suspects: "list[OrderSuspect]"
    level: "tuple[int, float, float] | None"
    """Place of the run since which it takes another time, and the time before and after."""


def find_test(snapshot: "SurveyAnswers", name: str) -> str | None:
    """Return the test of an address; None if no session has it."""
    if name in snapshot.tests:
        return name
    return next((nodeid for nodeid in snapshot.tests if visible(nodeid) == name), None)


def show_test(snapshot: "SurveyAnswers", nodeid: str) -> TestPage:
    """Return the page of a test."""
    answers = snapshot.answers
    seen = [
        (line, run, test)
        for line, run in zip(answers.sessions, answers.runs, strict=True)
        if (test := _test_in(run, nodeid)) is not None
    ]
    keys = {stream: key for stream, name, key in answers.failures if name == nodeid}
    clusters = {cluster.key: cluster for cluster in answers.clusters}
    lines = [
        RunLine(
            session=line,
            word=mark_word(test.verdict, test.outcomes),
            verdict=test.verdict,
            duration_s=test.duration_us / 1e6,
            worker=test.worker,
            attempts=len(test.outcomes),
            cluster=clusters.get(keys.get(run.stream, "")),
        )
        for line, run, test in seen
    ]
    facts = snapshot.facts.get(nodeid, [])
    bad = sum(test.verdict in BAD for _, _, test in seen)
    last = f"{lines[-1].word.replace('_', ' ')} in its last run; " if lines else ""
    meant = {run.stream for run in snapshot.analysis.asked}
    return TestPage(
        nodeid=nodeid,
        verdict=facts[0] if facts else f"{last}{bad} of {counted(len(lines), 'run')} bad",
        facts=facts[1:],
        strips=_by_variant([line for line, (_, run, _) in zip(lines, seen, strict=True) if run.stream in meant]),
        lines=lines[::-1],
        newest=next((line.cluster for line in reversed(lines) if line.cluster is not None), None),
        suspects=suspects_of(nodeid, [(run, test) for _, run, test in seen]),
        level=_level(snapshot, nodeid, lines),
    )


def _test_in(run: "Run", nodeid: str) -> "TestRun | None":
    return FAILED if nodeid in run.uncollected else run.tests.get(nodeid)


def _by_variant(lines: list[RunLine]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the words of the last runs by variant."""
    found: dict[str, list[str]] = {}
    for line in lines[-STRIP_RUNS:]:
        found.setdefault(line.session.variant, []).append(line.word)
    return [(variant, tuple(words)) for variant, words in sorted(found.items())]


def _level(snapshot: "SurveyAnswers", nodeid: str, lines: list[RunLine]) -> tuple[int, float, float] | None:
    """Return since when a test takes another time."""
    for one in snapshot.answers.shifts:
        if one.nodeid == nodeid:
            places = [place for place, line in enumerate(lines) if line.session.session_id == one.since.session]
            return (places[0], one.before_s, one.after_s) if places else None
    return None
