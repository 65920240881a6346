"""Which sessions an export, an import or a clearing is about: one set of filters for all."""

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ...eventlog.times import from_datetime

_AGE = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def is_age(text: str) -> bool:
    """Return whether a text is a length of time that `parse_age` accepts."""
    return _AGE.fullmatch(text.strip().lower()) is not None


def parse_age(text: str) -> timedelta:
    """Return a length of time written as `90d`, `24h`, `2w`, `30m` or `10s`.

    Raises:
        ValueError: it is not written so.
    """
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"not a length of time: {text!r}; write 90d, 24h, 2w, 30m or 10s")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Candidate(NamedTuple):
    """Properties of a session by which it is selected."""

    name: str
    sut: str
    started_us: int
    nodeids: Callable[[], Iterable[str]]
    stream: str = ""


@dataclass(frozen=True)
class Selection:
    """Filters, combined with AND; without any, everything."""

    sut: str | None = None
    days: float | None = None
    """Started within so many days."""
    older_than: timedelta | None = None
    """Started longer ago than this."""
    pattern: str | None = None
    """Glob on the session's name, or on the node id of one of its tests, whole or from the last `::`."""
    keep_last: int | None = None
    """Leave out the newest so many of each SUT."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is filtered."""
        return self == Selection()

    def pick(self, candidates: Iterable[Candidate], now: datetime | None = None) -> list[Candidate]:
        """Return those that are meant, in their order.

        Args:
            candidates: sessions.
            now: the time to count from; None for now.

        Raises:
            ValueError: `days` or `keep_last` is negative.
        """
        if (self.days or 0) < 0 or (self.keep_last or 0) < 0:
            raise ValueError("days and keep-last cannot be negative")
        moment = now or datetime.now(UTC)
        everyone = list(candidates)
        kept = self._newest_of_each(everyone)
        return [one for one in everyone if self._fits(one, moment) and one not in kept]

    def _newest_of_each(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return the newest candidates of each system under test, `keep_last` of each."""
        if not self.keep_last:
            return []
        by_sut: dict[str, list[Candidate]] = {}
        for one in candidates:
            by_sut.setdefault(one.sut, []).append(one)

        def start_and_name(one: Candidate) -> tuple[int, str]:
            return one.started_us, one.name

        return [one for found in by_sut.values() for one in sorted(found, key=start_and_name)[-self.keep_last :]]

    def _fits(self, one: Candidate, now: datetime) -> bool:
        if self.sut is not None and one.sut != self.sut:
            return False
        if self.days is not None and one.started_us < from_datetime(now - timedelta(days=self.days)):
            return False
        if self.older_than is not None and one.started_us >= from_datetime(now - self.older_than):
            return False
        return self.pattern is None or matches(self.pattern, one.name, one.nodeids)


def matches(pattern: str, name: str, nodeids: Callable[[], Iterable[str]]) -> bool:
    """Return whether a glob matches the name of a session or one of its tests."""
    fits = re.compile(fnmatch.translate(pattern)).match
    return bool(fits(name)) or any(fits(nodeid) or fits(nodeid.rpartition("::")[2]) for nodeid in nodeids())
