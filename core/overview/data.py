"""Shapes of the answer that `insight` gives without a command; its JSON has the same fields."""

import msgspec

from ..questions.phases import SlowPhases
from .about import AboutAnswer


class NewestSession(msgspec.Struct, forbid_unknown_fields=True):
    """The newest session, and how far it came."""

    session_id: str = ""
    state: str = ""
    exit_status: int | None = None
    commit: str = ""
    branch: str = ""
    started_at: str = ""
    duration_s: float = 0.0
    host: str = ""
    counts: dict[str, int] = {}
    """As in pytest's last line."""
    done: int = 0
    """Tests with a result."""
    total: int = 0
    """Tests that it has, or announced."""
    running: list[str] = []
    """Tests that run now, or were running when it ended."""
    uncollected: list[str] = []
    """Modules that could not be collected."""
    selection: list[str] = []
    """Options and places that narrowed what it ran."""


class BrokenRow(msgspec.Struct, forbid_unknown_fields=True):
    """A broken test, or broken cases of one parametrised test."""

    nodeid: str
    """Of the only case, else that of the test without parameters."""
    nodeids: list[str]
    """Of all cases."""
    verdict: str
    """Of the newest run."""
    note: str
    failing_runs: int
    variants: list[str]
    """Variants in which it is broken; empty if it is broken in all."""
    strip: list[str] = []
    """Words of the marks of its last runs, the newest last."""
    message: str = ""


class BrokenGroup(msgspec.Struct, forbid_unknown_fields=True):
    """Broken tests with the same first bad and the same last good commit."""

    commit: str
    """First bad one; empty if it is not known."""
    session: str
    """First bad one."""
    started_at: str
    good_commit: str
    good_session: str
    """Empty if the tests were never good in the span."""
    sessions: int
    """Sessions since then, that of the first failure included."""
    tests: int
    rows: list[BrokenRow]


class CutRow(msgspec.Struct, forbid_unknown_fields=True):
    """A test that was running when its session was killed."""

    nodeid: str
    session: str
    started_at: str
    """Start of the session."""
    host: str
    ran_s: float | None = None
    """How long it was running at least: from its start to the last thing that the session recorded; None if no time is
    certain."""
    times: int = 1


class FlakyRow(msgspec.Struct, forbid_unknown_fields=True):
    """A flaky test, or flaky cases of one parametrised test."""

    nodeid: str
    nodeids: list[str]
    """Of all flaky cases."""
    cases: int
    """How many cases the test has."""
    rules: list[str]
    rule: str
    """The one with most evidence: `retry` counts sessions, `same-source` commits."""
    count: int
    """Sessions or commits that show it, of the case that has most."""
    considered: int
    is_new: bool
    """The first evidence is of the week before the newest session."""
    last_at: str
    strip: list[str] = []


class SlowerRow(msgspec.Struct, forbid_unknown_fields=True):
    """A test that became slower with the newest sessions."""

    nodeid: str
    before_s: float
    """Median of its passing runs."""
    after_s: float
    samples: list[int]
    """Runs on each side."""
    confirmed: bool
    phases: SlowPhases | None = None
    """The phase that takes the time; None if it was not looked into."""


class LostRow(msgspec.Struct, forbid_unknown_fields=True):
    """A test that no whole session has any more."""

    nodeid: str
    last_session: str
    last_at: str
    gone_commit: str
    gone_session: str
    renamed: list[str]
    """New tests that may be the same under another name."""


class MovedRow(msgspec.Struct, forbid_unknown_fields=True):
    """A test whose file was renamed, as git says; it is there under another path."""

    nodeid: str
    moved_to: str
    commit: str
    """Of the first whole session without the old path."""


class OutageRow(msgspec.Struct, forbid_unknown_fields=True):
    """An earlier session in which nearly everything failed."""

    session: str
    started_at: str
    bad: int
    considered: int


class BranchRow(msgspec.Struct, forbid_unknown_fields=True):
    """A branch that the answer leaves out."""

    branch: str
    sessions: int
    broken: list[str]
    """Tests that are broken there."""


class Overview(msgspec.Struct, forbid_unknown_fields=True):
    """The answer of `insight` without a command."""

    about: AboutAnswer
    headline: str = "no session is recorded yet"
    sentences: list[str] = []
    """The parts of the headline."""
    newest: NewestSession | None = None
    tested: NewestSession | None = None
    """The newest session that ran tests, if the newest one ended before it ran any."""
    broken: int = 0
    """Tests and modules that are broken."""
    groups: list[BrokenGroup] = []
    """The newest first."""
    cut: list[CutRow] = []
    """The newest first."""
    flaky: list[FlakyRow] = []
    flaky_tests: int = 0
    """Flaky tests that have not recovered, each case counted."""
    flaky_new: int = 0
    """Those of them whose first evidence is of the last week."""
    recovered: int = 0
    slower: list[SlowerRow] = []
    """Confirmed ones first, then the largest change."""
    lost: list[LostRow] = []
    """Without those that moved."""
    moved: list[MovedRow] = []
    outages: list[OutageRow] = []
    """The newest first; without those that go on, which the headline names."""
    other_branches: list[BranchRow] = []
    commands: list[str] = []
    """Commands to run next."""
