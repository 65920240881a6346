"""One session, with results that are read from the log when they are asked for."""

import copy
import fnmatch
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...eventlog.live.owner import RunState
from .output import OutputFields
from .rerun import RerunTestGroup
from .result import TestResult
from .times import as_utc, moment_of, seconds_of, utc_text

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
        ValueError: `session_stop_time` and `session_duration` are both missing.
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
            session_duration = as_utc(session_stop_time or session_start_time) - self.session_start_time
        self.session_duration = seconds_of(session_duration)
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
            session_start_time=moment_of(data["session_start_time"]),
            session_stop_time=moment_of(stop) if stop else None,
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
        from .stored import session_from_file  # noqa: PLC0415 - views are made of these classes

        return session_from_file(Path(path))

    def __repr__(self) -> str:
        results = "" if self._load is not None else f", {len(self._test_results)} results"
        start = self.session_start_time.isoformat()
        return f"TestSession({self.session_id!r}, sut_name={self.sut_name!r}, start={start}{results})"
