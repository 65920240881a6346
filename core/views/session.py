"""One session, with results that are read from the log when they are asked for."""

import fnmatch
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...eventlog.live.owner import RunState
from ...eventlog.times import to_datetime
from .lazy import LazyResults
from .output import OutputFields
from .rerun import RerunTestGroup
from .result import TestResult
from .times import as_utc, moment_of, seconds_of, utc_text

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History
    from .stored import Models

T = TypeVar("T", TestResult, RerunTestGroup)

_MORE = ("exit_status", "status", "running", "not_run", "vcs", "ci")
"""Attributes of a session in addition to the arguments of its class."""


class TestSession(LazyResults):
    """One pytest run.

    Times, results, groups and output may also be given as the plain data that `to_dict` returns, so that
    `TestSession(**data)` is the session again.

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
        more: `exit_status`, `status`, `running`, `not_run`, `vcs`, `ci`.

    Raises:
        ValueError: `session_stop_time` and `session_duration` are both missing, or a value is not what it should be.
    """

    __test__ = False

    def __init__(
        self,
        sut_name: str,
        testing_system: dict[str, Any] | None = None,
        session_id: str = "",
        session_start_time: datetime | str | None = None,
        session_stop_time: datetime | str | None = None,
        session_duration: float | timedelta | None = None,
        session_tags: dict[str, str] | None = None,
        rerun_test_groups: Sequence[RerunTestGroup | dict[str, Any]] | None = None,
        test_results: Sequence[TestResult | dict[str, Any]] | None = None,
        output_fields: OutputFields | dict[str, str] | None = None,
        **more: Any,
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
        self.session_start_time = as_utc(moment_of(session_start_time))
        if session_duration is None:
            session_duration = as_utc(moment_of(session_stop_time or session_start_time)) - self.session_start_time
        self.session_duration = seconds_of(session_duration)
        self.session_stop_time = self.session_start_time + timedelta(seconds=self.session_duration)
        self.session_tags = dict(session_tags or {})
        if not isinstance(output_fields, OutputFields):
            output_fields = OutputFields.from_contents(output_fields or {})
        results = [_made_of(TestResult, result) for result in test_results or ()]
        groups = [_made_of(RerunTestGroup, group) for group in rerun_test_groups or ()]
        super().__init__(results, groups, output_fields)
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
        self.models: Models | None = None
        """Opens the read model of a stored session; None for one that was made in memory."""
        self._add_more(more)

    def _add_more(self, more: dict[str, Any]) -> None:
        unknown = sorted(more.keys() - set(_MORE))
        if unknown:
            raise TypeError(f"TestSession has no argument {unknown[0]!r}")
        for name in _MORE:
            if more.get(name) is not None:
                setattr(self, name, more[name])

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

    def add_test_result(self, result: TestResult) -> None:
        """Add an attempt."""
        self.test_results.append(result)

    def add_rerun_group(self, group: RerunTestGroup) -> None:
        """Add a test that was run again."""
        self.rerun_test_groups.append(group)

    @property
    def pass_rate(self) -> float:
        """Passed attempts per attempt that is neither skipped nor a rerun, 0.0 to 1.0; 0.0 without such an attempt."""
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
        return cls(
            sut_name=str(data.get("sut_name") or "unknown-sut"),
            testing_system=data.get("testing_system"),
            session_id=str(data.get("session_id") or ""),
            session_start_time=data["session_start_time"],
            session_stop_time=data.get("session_stop_time") or None,
            session_duration=data.get("session_duration"),
            session_tags=data.get("session_tags"),
            rerun_test_groups=data.get("rerun_test_groups"),
            test_results=data.get("test_results"),
            output_fields=data.get("output_fields"),
            **{name: data[name] for name in _MORE if name in data},
        )

    @classmethod
    def from_row(cls, models: "Models", row: "SessionRow") -> "TestSession":
        """Return a stored session whose results and output are read when they are first asked for.

        Args:
            models: opens the read model that the session is in.
            row: the session.
        """
        from .stored import fill_session, running_tests  # noqa: PLC0415 - sessions made in memory need no read model

        header = row.part.header or {}
        session = cls(
            sut_name=row.sut,
            testing_system=header.get("testing_system"),
            session_id=row.session_id,
            session_start_time=to_datetime(row.started_us),
            session_duration=row.duration_us / 1_000_000,
            session_tags=header.get("tags"),
        )
        session.exit_status, session.status, session.counts = row.exit_status, row.status, row.counts
        session.vcs, session.ci = header.get("vcs") or {}, header.get("ci") or {}
        session.running = running_tests(row)
        session.stream = row.stream
        session.models = models
        session.load_later(lambda view: fill_session(view, models), row.part.outcomes)
        return session

    @classmethod
    def from_file(cls, path: Path | str) -> "TestSession":
        """Read the newest session of an event log, or a session that was exported as JSON.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no session.
        """
        from .files import is_log, newest_exported, newest_row  # noqa: PLC0415 - sessions made in memory need no files

        path = Path(path)
        if not is_log(path):
            return cls.from_dict(newest_exported(path))
        with newest_row(path) as (model, row):
            session = cls.from_row(lambda: nullcontext(model), row)
            for result in session.test_results:
                _ = result.longreprtext  # texts are read while the model is open
            return session

    # The last method, as the class has annotations with the type of this name.
    def dict(self) -> dict[str, Any]:
        """Return plain data, as `to_dict`."""
        return self.to_dict()

    def __repr__(self) -> str:
        results = "" if self._load is not None else f", {len(self._test_results)} results"
        start = self.session_start_time.isoformat()
        return f"TestSession({self.session_id!r}, sut_name={self.sut_name!r}, start={start}{results})"


def _made_of(kind: type[T], given: T | dict[str, Any]) -> T:
    """Return an object that is given as it is, or as the plain data that it is made of."""
    return kind.from_dict(given) if isinstance(given, dict) else given


def load_session(model: "History", row: "SessionRow") -> TestSession:
    """Return a stored session with its results; captured texts are read when they are first asked for.

    Args:
        model: the history that `row` came from; it must stay open as long as texts are asked for.
        row: the session.
    """
    session = TestSession.from_row(lambda: nullcontext(model), row)
    _ = session.test_results
    return session
