"""Shapes of the answers: `insight analytics`, `insight test`, `insight sut`, and comparisons of sessions."""

# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# Shapes of answers are derived when the module is imported.

from msgspec import UNSET

from ...api import ComparisonResult
from ...api.internal.answers import (
    AboutAnswer,
    BranchState,
    Broken,
    CutTest,
    DurationChange,
    DurationShift,
    FailingTogether,
    FailureCluster,
    FailureRate,
    FlakyTest,
    LostTest,
    Occurrence,
    OrderSuspect,
    OutageNow,
    Overview,
    Slow,
    Summary,
    TestFigures,
    TransitionScore,
)
from .base import Optional, Shape, Utc, derived
from .sessions import SessionShape

AboutShape, OverviewShape = derived(AboutAnswer), derived(Overview)
BranchShape, BrokenShape, FlakyShape = derived(BranchState), derived(Broken), derived(FlakyTest)
SlowerShape = derived(DurationChange)
CutShape, LostShape, OutageShape = derived(CutTest), derived(LostTest), derived(OutageNow)
RateShape, ScoreShape, ShiftShape = derived(FailureRate), derived(TransitionScore), derived(DurationShift)
SlowShape, TogetherShape, OrderShape = derived(Slow), derived(FailingTogether), derived(OrderSuspect)
FiguresShape, OccurrenceShape, ClusterShape = derived(TestFigures), derived(Occurrence), derived(FailureCluster)


class ComparisonShape(derived(ComparisonResult)):
    """Differences between two sets of sessions."""

    has_changes: bool
    base_mode: str
    """Kind of the base: `session`, `sut`, `branch`, `period`, `commit` or `profile`."""
    target_mode: str
    notes: list[str]
    """Why these sessions, where nothing was named, and what was passed over."""


class SummaryShape(derived(Summary)):
    """Figures of a span of time, and what is broken, flaky, slow, cut and lost in it."""

    about: AboutShape
    """Sessions that the answer speaks about."""
    subject: str
    """Subject of the answer: systems, branch, variants."""
    headline: str
    """The answer in one sentence."""
    outage_now: OutageShape | None
    """The newest session, if nearly all its tests fail."""
    broken: list[BrokenShape]
    flaky: list[FlakyShape]
    most_expensive: list[SlowShape]
    daily: list[tuple[str, float]]
    """Days of the reader's time zone, with their pass rates."""
    cut: list[CutShape]
    """Tests that were running when their session was killed."""
    lost: list[LostShape]
    """Tests that ran before and are not announced any more."""
    moved: list[LostShape]
    """Tests whose file was renamed, as git says."""
    other_branches: list[BranchShape]
    """Branches that the answer leaves out."""


class AnalysisShape(Shape):
    """Answers by the name of the question; with `--metric` that one only."""

    about: AboutShape
    """Sessions that the answer speaks about."""
    outages: list[str]
    """Sessions in which nearly everything failed."""
    set_aside: list[str]
    """Those of them that are no evidence for rates, flaky tests and transitions."""
    other_branches: list[BranchShape]
    """Branches that the answers leave out."""
    broken: list[BrokenShape] | Optional = UNSET
    flaky: list[FlakyShape] | Optional = UNSET
    rates: list[RateShape] | Optional = UNSET
    transitions: list[ScoreShape] | Optional = UNSET
    slow: list[SlowShape] | Optional = UNSET
    cost: list[SlowShape] | Optional = UNSET
    shifts: list[ShiftShape] | Optional = UNSET
    slower: list[SlowerShape] | Optional = UNSET
    together: list[TogetherShape] | Optional = UNSET
    lost: list[LostShape] | Optional = UNSET
    moved: list[LostShape] | Optional = UNSET
    cut: list[CutShape] | Optional = UNSET
    order: list[OrderShape] | Optional = UNSET


class FailuresShape(Shape):
    """Failures by what they say."""

    about: AboutShape
    """Sessions that the answer speaks about."""
    clusters: list[ClusterShape]
    together: list[TogetherShape]
    """Tests that fail in the same sessions."""
    history: list[OccurrenceShape]
    """Runs of the test of `--nodeid`; else empty."""


class HistoryShape(Shape):
    """Sessions of a span of time, the newest first."""

    about: AboutShape
    """Sessions that the answer speaks about, also those behind the first 50 that are listed."""
    sessions: list[SessionShape] | Optional = UNSET
    suts: dict[str, list[SessionShape]] | Optional = UNSET
    """With `--by-sut` instead of `sessions`: by the name of the system under test."""


class TestListShape(Shape):
    """Tests, those that fail most first."""

    __test__ = False

    about: AboutShape
    """Sessions that the answer speaks about."""
    tests: list[FiguresShape]


class KnownTestShape(Shape):
    """Facts about a test."""

    about: AboutShape
    """Sessions that the answer speaks about."""
    nodeid: str
    runs: int
    failure_rate: RateShape | None
    broken: BrokenShape | None
    """Since when it fails; null if it does not."""
    broken_elsewhere: list[str]
    """Other branches in which it is broken."""
    good_elsewhere: list[str]
    """Other branches in which it is not."""
    lost: LostShape | None
    """Last session that ran it; null if it is still announced."""
    flaky: list[FlakyShape]
    transitions: ScoreShape | None
    duration_shift: ShiftShape | None
    order_suspects: list[OrderShape]
    last_failure: str
    """Text of the newest failure; empty if it never failed."""
    last_cut: dict[str, str] | None
    """Output of its last cut attempt, by name of the text; null without one, or without output."""


class TestRunsShape(Shape):
    """The runs of a test, the newest first."""

    __test__ = False

    about: AboutShape
    """Sessions that the answer speaks about."""
    nodeid: str
    runs: list[OccurrenceShape]


class TrendsShape(Shape):
    """Verdicts and durations of a test over its sessions, the earliest first."""

    about: AboutShape
    """Sessions that the answer speaks about."""
    nodeid: str
    runs: int
    median_s: float
    """Of the passing runs."""
    p95_s: float
    durations_s: list[float]
    """Of the passing runs."""
    shift: ShiftShape | None
    """Change of the level of its duration; null without one."""
    verdicts: list[str]


class SutShape(Shape):
    """A system under test."""

    sut: str
    sessions: int
    first_at: Utc
    last_at: Utc
