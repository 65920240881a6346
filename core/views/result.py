"""One attempt of a test."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .outcome import TestOutcome
from .times import as_utc, moment_of, seconds_of, utc_text


class TestResult:
    """One attempt of one test.

    Args:
        nodeid: pytest's name of the test.
        outcome: as enum or name in any case.
        start_time: when it started.
        stop_time: when it ended; this or `duration` is required, and `duration` wins. A duration in this place is taken
            as one.
        duration: seconds, or a `timedelta`.
        caplog, capstderr, capstdout, longreprtext: captured texts; each may be given as a function that is called when
            the text is first asked for.
        has_warning: whether it caused a warning.

    Raises:
        ValueError: neither `stop_time` nor `duration` is given.
    """

    __test__ = False

    def __init__(
        self,
        nodeid: str,
        outcome: TestOutcome | str,
        start_time: datetime,
        stop_time: datetime | float | timedelta | None = None,
        duration: float | timedelta | None = None,
        caplog: str = "",
        capstderr: str = "",
        capstdout: str = "",
        longreprtext: str = "",
        has_warning: bool = False,  # noqa: FBT001, FBT002 - the documented signature
        *,
        texts: Callable[[], dict[str, str]] | None = None,
    ) -> None:
        if stop_time is not None and not isinstance(stop_time, datetime):
            if duration is not None:
                raise TypeError("stop_time is a datetime; give what comes after a duration by name")
            stop_time, duration = None, stop_time
        if stop_time is None and duration is None:
            raise ValueError("Either stop_time or duration must be provided")
        self.nodeid = nodeid
        self.outcome = outcome if isinstance(outcome, TestOutcome) else TestOutcome.from_str(outcome)
        self.start_time = as_utc(start_time)
        if duration is None:
            duration = as_utc(stop_time) - self.start_time if stop_time is not None else 0.0
        self.duration = seconds_of(duration)
        self.stop_time = self.start_time + timedelta(seconds=self.duration)
        self.has_warning = has_warning
        self._texts = {
            "caplog": caplog,
            "capstderr": capstderr,
            "capstdout": capstdout,
            "longreprtext": longreprtext,
        }
        self._load = texts

    def forget_loader(self) -> None:
        """Take the texts as they are; nothing is to be read any more."""
        self._load = None

    def _text(self, name: str) -> str:
        if self._load is not None:
            load, self._load = self._load, None
            self._texts.update(load())
        return self._texts[name]

    @property
    def caplog(self) -> str:
        """Captured log."""
        return self._text("caplog")

    @property
    def capstderr(self) -> str:
        """Captured stderr."""
        return self._text("capstderr")

    @property
    def capstdout(self) -> str:
        """Captured stdout."""
        return self._text("capstdout")

    @property
    def longreprtext(self) -> str:
        """Traceback, or whatever text pytest shows for the outcome."""
        return self._text("longreprtext")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; the outcome in lower case, times in ISO 8601, in UTC with `Z`."""
        return {
            "nodeid": self.nodeid,
            "outcome": self.outcome.to_str(),
            "start_time": utc_text(self.start_time),
            "stop_time": utc_text(self.stop_time),
            "duration": self.duration,
            "caplog": self.caplog,
            "capstderr": self.capstderr,
            "capstdout": self.capstdout,
            "longreprtext": self.longreprtext,
            "has_warning": self.has_warning,
            # Outside Python nothing else tells the name that another plugin gave from a typing error.
            **({"category": self.outcome.to_str()} if self.outcome.is_foreign else {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TestResult":
        """Make a result of what `to_dict` returned.

        Raises:
            ValueError: a value is missing or is not what it should be.
        """
        if "nodeid" not in data or not data.get("start_time"):
            raise ValueError("a test result needs nodeid and start_time")
        stop = data.get("stop_time")
        return cls(
            nodeid=str(data["nodeid"]),
            outcome=TestOutcome.named(data.get("outcome")),
            start_time=moment_of(data["start_time"]),
            stop_time=moment_of(stop) if stop else None,
            duration=data.get("duration"),
            caplog=data.get("caplog") or "",
            capstderr=data.get("capstderr") or "",
            capstdout=data.get("capstdout") or "",
            longreprtext=data.get("longreprtext") or "",
            has_warning=bool(data.get("has_warning", False)),
        )

    def __repr__(self) -> str:
        return f"TestResult({self.nodeid!r}, {self.outcome.value}, {self.duration:.6f} s)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TestResult) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.nodeid, self.outcome, self.start_time))
