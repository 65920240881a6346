"""The view classes of the Python API: results, sessions, groups per system under test, history.

Times are aware and in UTC; durations are seconds as `float`, as pytest gives them. A naive time given by a caller is
taken as local time.
"""

import copy
import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from ..eventlog.live.owner import RunState

_FAILED = frozenset({"FAILED", "ERROR"})


class TestOutcome(StrEnum):
    """Outcome of one attempt of a test. It equals its name in lower case: `result.outcome == "failed"`.

    `TestOutcome("failed")` and `TestOutcome("FAILED")` are both `TestOutcome.FAILED`.
    """

    PASSED = "PASSED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    XFAILED = "XFAILED"
    XPASSED = "XPASSED"
    RERUN = "RERUN"
    ERROR = "ERROR"

    __test__: ClassVar[bool] = False  # type: ignore[misc]

    def __new__(cls, value: str) -> Self:
        """Make the outcome of this value; as text it is the value in lower case."""
        outcome = str.__new__(cls, value.lower())
        outcome._value_ = value
        return outcome

    @classmethod
    def _missing_(cls, value: object) -> "TestOutcome | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return TestOutcome.named, (str(self),)

    @classmethod
    def from_str(cls, outcome: str | None) -> "TestOutcome":
        """Return the outcome of this name, in any case; None and an empty string, as old files have them, are SKIPPED.

        Raises:
            ValueError: there is no such outcome.
        """
        if not outcome:
            return cls.SKIPPED
        try:
            return cls[outcome.upper()]
        except KeyError:
            raise ValueError(f"Invalid test outcome: {outcome}") from None

    @classmethod
    def named(cls, outcome: str | None) -> "TestOutcome":
        """Return the outcome of this name; of a name that only another plugin or a later release knows, one of its own.

        Such an outcome is none of the members, and is neither a pass nor a failure.
        """
        try:
            return cls.from_str(outcome)
        except ValueError:
            return _foreign_outcome(str(outcome))

    def to_str(self) -> str:
        """Return the name as logs have it: in lower case, or as another plugin wrote it."""
        return str(self)

    @classmethod
    def to_list(cls) -> list[str]:
        """Return all names in lower case."""
        return [outcome.to_str() for outcome in cls]

    @property
    def is_foreign(self) -> bool:
        """Whether only another plugin or a later release knows this outcome."""
        return self._value_ not in TestOutcome.__members__

    def is_failed(self) -> bool:
        """Tell whether this is FAILED or ERROR."""
        return self.value in _FAILED


@cache
def _foreign_outcome(name: str) -> TestOutcome:
    outcome = str.__new__(TestOutcome, name)
    outcome._name_ = outcome._value_ = name.upper()  # as `enum.Flag` makes members without a name
    return outcome


def as_utc(moment: datetime) -> datetime:
    """Return a time in UTC; a naive one is local time."""
    return moment.astimezone(UTC)


def utc_text(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with `Z`."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")


def _seconds(duration: "float | timedelta") -> float:
    """Return a duration in seconds, however it was given."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


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
        self.duration = _seconds(duration)
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
            start_time=_moment(data["start_time"]),
            stop_time=_moment(stop) if stop else None,
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


@dataclass(init=False)
class RerunTestGroup:
    """All attempts of a test that was run again in one session, in order of their start.

    Args:
        nodeid: of the test.
        tests, full_test_list: all attempts; either name may be used.
        final_test: the last attempt, and `forerunners` those before it, if they are given one by one.
        final_outcome: of the last attempt; it is checked, as the attempts say it.

    Raises:
        ValueError: attempts are given twice, or `final_outcome` is not that of the last one.
    """

    nodeid: str
    tests: list[TestResult]

    def __init__(
        self,
        nodeid: str = "",
        tests: list[TestResult] | None = None,
        *,
        final_outcome: TestOutcome | str = "",
        final_test: TestResult | None = None,
        forerunners: list[TestResult] | None = None,
        full_test_list: list[TestResult] | None = None,
    ) -> None:
        self.nodeid = nodeid
        pieces = [*(forerunners or []), *([final_test] if final_test is not None else [])]
        given = [attempts for attempts in (tests, full_test_list, pieces) if attempts]
        if any(attempts != given[0] for attempts in given[1:]):
            raise ValueError("tests, full_test_list, and forerunners with final_test are not the same attempts")
        self.tests = list(given[0]) if given else []
        if final_outcome and self.final_outcome != TestOutcome.named(final_outcome):
            raise ValueError(f"final_outcome is {final_outcome}, but the last attempt is {self.final_outcome}")

    def add_test(self, result: TestResult) -> None:
        """Add an attempt."""
        self.tests.append(result)
        self.tests.sort(key=lambda test: test.start_time)

    @property
    def final_test(self) -> TestResult | None:
        """The last attempt."""
        return self.tests[-1] if self.tests else None

    @property
    def final_outcome(self) -> TestOutcome | None:
        """Outcome of the last attempt."""
        return self.tests[-1].outcome if self.tests else None

    @property
    def forerunners(self) -> list[TestResult]:
        """The attempts before the last."""
        return self.tests[:-1]

    @property
    def full_test_list(self) -> list[TestResult]:
        """All attempts."""
        return list(self.tests)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"nodeid": self.nodeid, "tests": [test.to_dict() for test in self.tests]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "RerunTestGroup":
        """Make a group of what `to_dict` returned."""
        group = cls(str(data["nodeid"]))
        for test in data.get("tests", ()):
            group.add_test(TestResult.from_dict(test))
        return group


@dataclass
class OutputField:
    """A section of the terminal output."""

    name: str = ""
    content: str = ""


OUTPUT_FIELDS = (
    "test_session_starts",
    "errors",
    "failures",
    "passes",
    "warnings_summary",
    "rerun_test_summary",
    "short_test_summary",
    "lastline",
)


@dataclass
class OutputFields:
    """The sections of the terminal output of a session, as with `-rRA`; those that did not occur are empty."""

    test_session_starts: OutputField = field(default_factory=OutputField)
    errors: OutputField = field(default_factory=OutputField)
    failures: OutputField = field(default_factory=OutputField)
    passes: OutputField = field(default_factory=OutputField)
    warnings_summary: OutputField = field(default_factory=OutputField)
    rerun_test_summary: OutputField = field(default_factory=OutputField)
    short_test_summary: OutputField = field(default_factory=OutputField)
    lastline: OutputField = field(default_factory=OutputField)

    @classmethod
    def from_contents(cls, contents: dict[str, str]) -> "OutputFields":
        """Make the sections of their texts by name."""
        return cls(**{name: OutputField(name, contents[name]) for name in OUTPUT_FIELDS if name in contents})

    def to_dict(self) -> dict[str, str]:
        """Return the texts of the sections that are not empty, by name."""
        return {name: getattr(self, name).content for name in OUTPUT_FIELDS if getattr(self, name).content}


_MORE = ("exit_status", "status", "running", "not_run", "vcs", "ci")
"""What a session knows beside the documented fields."""


class TestSession:
    """One pytest run.

    Args:
        sut_name: the system under test.
        testing_system: the machine that ran the tests.
        session_id: its label.
        session_start_time: when it began.
        session_stop_time: when it ended; this or `session_duration` is required, and the duration wins.
        session_duration: seconds, or a `timedelta`.
        session_tags: tags by name.
        rerun_test_groups: tests that were run again.
        test_results: all attempts.
        output_fields: sections of the terminal output.

    Raises:
        ValueError: neither `session_stop_time` nor `session_duration` is given.
    """

    __test__ = False

    def __init__(
        self,
        sut_name: str,
        testing_system: dict[str, Any] | None = None,
        session_id: str = "",
        session_start_time: datetime | None = None,
        session_stop_time: datetime | None = None,
        session_duration: float | timedelta | None = None,
        session_tags: dict[str, str] | None = None,
        rerun_test_groups: list[RerunTestGroup] | None = None,
        test_results: list[TestResult] | None = None,
        output_fields: OutputFields | None = None,
    ) -> None:
        if isinstance(testing_system, str):
            raise TypeError("testing_system is a mapping; give session_id and what follows by name")
        if session_start_time is None:
            raise ValueError("session_start_time must be provided")
        if session_stop_time is None and session_duration is None:
            raise ValueError("Either session_stop_time or session_duration must be provided")
        self.sut_name = sut_name
        self.testing_system = dict(testing_system or {})
        self.session_id = session_id
        self.session_start_time = as_utc(session_start_time)
        if session_duration is None:
            stop = as_utc(session_stop_time) if session_stop_time is not None else self.session_start_time
            session_duration = stop - self.session_start_time
        self.session_duration = _seconds(session_duration)
        self.session_stop_time = self.session_start_time + timedelta(seconds=self.session_duration)
        self.session_tags = dict(session_tags or {})
        self._load: Callable[[TestSession], None] | None = None
        self._is_part = False
        self._outcomes: dict[str, int] | None = None
        self._rerun_test_groups = list(rerun_test_groups or [])
        self._test_results = list(test_results or [])
        self._output_fields = output_fields if output_fields is not None else OutputFields()
        self._not_run: list[str] = []
        self.exit_status: int | None = None
        self.status = "complete"
        """`complete`, `incomplete` or `interrupted`."""
        self.counts: dict[str, int] = {}
        """As in pytest's last line; empty for a session that was not recorded by the plugin."""
        self.running: list[str] = []
        """Tests that were running when the session ended without their result."""
        self.vcs: dict[str, Any] = {}
        self.ci: dict[str, str] = {}
        self.stream = ""
        """Identity of the stored session; empty for one that was made in memory."""
        self.models: Any = None
        """Where a stored session is read from; see `projections.sessions.Models`."""

    @property
    def state(self) -> RunState:
        """`finished`; or of a session without its last event `running`, `killed` or `unknown`, as of now."""
        if self.status != "interrupted":
            return "finished"
        if self.models is None or not self.stream:
            return "unknown"
        with self.models() as model:
            model.catch_up()
            row = model.session_of(self.stream)
            return "unknown" if row is None else model.state_of(row)

    def load_later(self, load: "Callable[[TestSession], None]", outcomes: dict[str, int] | None = None) -> None:
        """Have results, rerun groups, output and `not_run` filled in by `load(session)` when one is first asked for.

        Args:
            load: fills the session.
            outcomes: attempts by outcome, as far as they are known before.
        """
        self._load = load
        self._outcomes = outcomes

    def part(self, load: "Callable[[TestSession], None]", outcomes: dict[str, int]) -> "TestSession":
        """Return a copy that has only some of the results; arguments as of `load_later`."""
        some = copy.copy(self)
        some.load_later(load, outcomes)
        some._is_part = True  # noqa: SLF001 - one of us
        return some

    def head(self) -> "TestSession":
        """Return a copy that shares what was read and reads by itself what was not."""
        return copy.copy(self)

    @property
    def is_untouched(self) -> bool:
        """Whether its results were not looked at yet, and so are what the log says; all of them."""
        return self._load is not None and not self._is_part

    def _loaded(self) -> None:
        if self._load is not None:
            load, self._load = self._load, None
            try:
                load(self)
            except BaseException:
                self._load = load  # what could not be read now may be readable later; it is not an empty session
                raise

    @property
    def test_results(self) -> list[TestResult]:
        """All attempts, in the order of their reports."""
        self._loaded()
        return self._test_results

    @test_results.setter
    def test_results(self, results: list[TestResult]) -> None:
        self._loaded()
        self._test_results = results

    @property
    def rerun_test_groups(self) -> list[RerunTestGroup]:
        """Tests that were run again."""
        self._loaded()
        return self._rerun_test_groups

    @rerun_test_groups.setter
    def rerun_test_groups(self, groups: list[RerunTestGroup]) -> None:
        self._loaded()
        self._rerun_test_groups = groups

    @property
    def output_fields(self) -> OutputFields:
        """Sections of the terminal output."""
        self._loaded()
        return self._output_fields

    @output_fields.setter
    def output_fields(self, fields: OutputFields) -> None:
        self._loaded()
        self._output_fields = fields

    @property
    def not_run(self) -> list[str]:
        """Announced tests that never started."""
        self._loaded()
        return self._not_run

    @not_run.setter
    def not_run(self, nodeids: list[str]) -> None:
        self._loaded()
        self._not_run = nodeids

    def add_test_result(self, result: TestResult) -> None:
        """Add an attempt."""
        self.test_results.append(result)

    def add_rerun_group(self, group: RerunTestGroup) -> None:
        """Add a test that was run again."""
        self.rerun_test_groups.append(group)

    @property
    def outcome_counts(self) -> dict[str, int]:
        """Attempts by outcome in lower case."""
        if self._load is not None and self._outcomes is not None:
            return dict(self._outcomes)
        return dict(Counter(result.outcome.to_str() for result in self.test_results))

    @property
    def pass_rate(self) -> float:
        """Passed attempts per attempt that is neither skipped nor a rerun, 0.0 to 1.0; 0.0 if there is none."""
        counts = self.outcome_counts
        considered = sum(count for outcome, count in counts.items() if outcome not in ("skipped", "rerun"))
        return counts.get("passed", 0) / considered if considered else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether the session was closed properly and every announced test has a verdict."""
        return self.status == "complete"

    def matching(self, pattern: str) -> list[TestResult]:
        """Return the results whose node id matches a glob pattern."""
        return [result for result in self.test_results if fnmatch.fnmatchcase(result.nodeid, pattern)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; what is known of exit, checkout and CI only if there is something."""
        more = {name: value for name in _MORE if (value := getattr(self, name)) not in (None, "complete", [], {})}
        return more | {
            "sut_name": self.sut_name,
            "testing_system": self.testing_system,
            "session_id": self.session_id,
            "session_start_time": utc_text(self.session_start_time),
            "session_stop_time": utc_text(self.session_stop_time),
            "session_duration": self.session_duration,
            "session_tags": self.session_tags,
            "rerun_test_groups": [group.to_dict() for group in self.rerun_test_groups],
            "test_results": [result.to_dict() for result in self.test_results],
            "output_fields": self.output_fields.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TestSession":
        """Make a session of what `to_dict` returned.

        Raises:
            ValueError: a value is missing or is not what it should be.
        """
        if not data.get("session_start_time"):
            raise ValueError("a session needs session_start_time")
        stop = data.get("session_stop_time")
        session = cls(
            sut_name=str(data.get("sut_name") or "unknown-sut"),
            testing_system=data.get("testing_system"),
            session_id=str(data.get("session_id") or ""),
            session_start_time=_moment(data["session_start_time"]),
            session_stop_time=_moment(stop) if stop else None,
            session_duration=data.get("session_duration"),
            session_tags=data.get("session_tags"),
            rerun_test_groups=[RerunTestGroup.from_dict(group) for group in data.get("rerun_test_groups") or ()],
            test_results=[TestResult.from_dict(result) for result in data.get("test_results") or ()],
            output_fields=OutputFields.from_contents(data.get("output_fields") or {}),
        )
        for name in _MORE:
            if data.get(name):
                setattr(session, name, data[name])
        return session

    @classmethod
    def from_file(cls, path: Path | str) -> "TestSession":
        """Read the newest session of an event log, or a session that was exported as JSON.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no session.
        """
        from .sessions import session_from_file  # noqa: PLC0415 - views are made of these classes

        return session_from_file(Path(path))

    def __repr__(self) -> str:
        results = "" if self._load is not None else f", {len(self._test_results)} results"
        start = self.session_start_time.isoformat()
        return f"TestSession({self.session_id!r}, sut_name={self.sut_name!r}, start={start}{results})"


@dataclass
class SUTGroup:
    """All sessions of one system under test."""

    sut_name: str
    sessions: list[TestSession] = field(default_factory=list[TestSession])

    def add_session(self, session: TestSession) -> None:
        """Add a session."""
        self.sessions.append(session)


@dataclass
class TestHistory:
    """Sessions of many systems under test."""

    __test__: ClassVar[bool] = False

    sut_groups: dict[str, SUTGroup] = field(default_factory=dict[str, SUTGroup])

    @classmethod
    def of(cls, sessions: Iterable[TestSession]) -> "TestHistory":
        """Make the history of some sessions."""
        history = cls()
        for session in sessions:
            history.add_test_session(session)
        return history

    def add_test_session(self, session: TestSession) -> None:
        """Add a session to the group of its system under test."""
        self.sut_groups.setdefault(session.sut_name, SUTGroup(session.sut_name)).add_session(session)

    def get_sessions_for_sut(self, sut_name: str) -> list[TestSession]:
        """Return the sessions of a system under test; none if it is not known."""
        group = self.sut_groups.get(sut_name)
        return list(group.sessions) if group else []


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"not a time in ISO 8601: {value!r}") from None
