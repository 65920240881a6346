"""The answers of a report, renewed as the log grows: never more often than their cost allows."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..reports.answers import Answers, collect_answers
from ..reports.facts import Facts, facts_of
from ..reports.grid import TestNames
from .models import READ_ERRORS, reason_of

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.history import History

T = TypeVar("T")
Choice = Callable[["History", str], tuple["Analysis", str]]
"""Returns the sessions that pages are about, and the name of their system; the name that was asked for may be empty."""


class HistoryReader(Protocol):
    """A history that is asked outside of the event loop."""

    async def ask(self, job: "Callable[[History], T]") -> T:
        """Return what a job returns that is given the history.

        Raises:
            OSError, EventLogError, LookupError: it cannot be read now.
        """
        ...


REST = 5
"""A renewal is followed by a rest of so many times its duration."""
_REST_MAX_S = 60.0
PATIENCE_S = 0.4
"""Seconds that a page waits for answers that are being renewed, before it shows those that there are."""
FIRST_PATIENCE_S = 3.0
"""The same for a page that has none yet."""
_KEPT = 4


@dataclass(frozen=True)
class SurveyAnswers:
    """The answers at one state of the log."""

    answers: Answers
    analysis: "Analysis"
    position: str
    """State of the log that they were asked at."""

    @cached_property
    def facts(self) -> Facts:
        """Sentences about single tests."""
        return facts_of(self.answers)

    @cached_property
    def results(self) -> int:
        """Results of all sessions; they decide how much memory the answers take."""
        return sum(sum(line.counts.values()) for line in self.answers.sessions)

    @cached_property
    def tests(self) -> list[str]:
        """All tests, and modules that could not be collected, in order of their node ids."""
        return TestNames.of(self.answers).tests


class Survey:
    """Answers by system under test.

    Args:
        reader: where they are asked.
        choose: which sessions they are about.
        renewed: called when there are newer answers.
    """

    def __init__(self, reader: "HistoryReader", choose: Choice, renewed: Callable[[], None]) -> None:
        self._reader, self._choose, self._renewed = reader, choose, renewed
        self._kept: dict[str, SurveyAnswers] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._next_s: dict[str, float] = {}
        self._position = ""
        self.problem = ""
        """Why the newest answers could not be read."""

    @property
    def results(self) -> int:
        """Results in the answers that are kept, of all systems."""
        return sum(kept.results for kept in self._kept.values())

    def forget(self) -> None:
        """Drop all answers; they are asked again when a page needs them."""
        self._kept.clear()

    def note_change(self, position: str) -> None:
        """Take note that the log has another state."""
        self._position = position

    def note_answers(self, position: str) -> None:
        """Take note that the position changed by newer answers alone, which are those of this state."""
        before, self._position = self._position, position
        for sut, kept in self._kept.items():
            if kept.position == before:
                self._kept[sut] = replace(kept, position=position)

    async def snapshot(self, sut: str) -> SurveyAnswers | None:
        """Return the newest answers that are there in time; None if there are none yet.

        Args:
            sut: the system under test; empty for that of the project.
        """
        kept = self._kept.get(sut)
        if kept is not None and kept.position == self._position:
            return kept
        task = self._tasks.get(sut)
        if task is None or task.done():
            task = self._tasks[sut] = asyncio.get_running_loop().create_task(self._renew(sut))
        rest_s = self._next_s.get(sut, 0.0) - time.monotonic()
        if kept is None or rest_s <= PATIENCE_S:
            await asyncio.wait([task], timeout=FIRST_PATIENCE_S if kept is None else PATIENCE_S)
        if task.done():
            task.result()  # raises what is a defect
        return self._kept.get(sut)

    async def _renew(self, sut: str) -> None:
        """Ask everything again, after the rest that the last time needs."""
        await asyncio.sleep(max(self._next_s.get(sut, 0.0) - time.monotonic(), 0.0))
        began_s = time.monotonic()
        position = self._position
        try:
            answers, analysis = await self._reader.ask(lambda model: self._collect(model, sut))
        except (*READ_ERRORS, ValueError) as error:  # a span of time may be none
            self.problem = reason_of(error)
            self._next_s[sut] = time.monotonic() + 1.0
            self._renewed()
            return
        self.problem = ""
        self._kept.pop(sut, None)
        self._kept[sut] = SurveyAnswers(answers, analysis, position)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        cost_s = time.monotonic() - began_s
        self._next_s[sut] = time.monotonic() + min(cost_s * REST, _REST_MAX_S)
        self._renewed()

    def _collect(self, model: "History", sut: str) -> tuple[Answers, "Analysis"]:
        model.catch_up()
        analysis, name = self._choose(model, sut)
        return collect_answers(model, analysis, name), analysis


__all__ = ["Choice", "Survey", "SurveyAnswers"]
