"""The page of one session: what failed, what is new, what runs now, when each test ran, and where."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.analyzer import Analysis
from ...core.history.series import branch_of
from ...core.history.variants import variant_of, variant_text
from ...core.views.stored import not_run_tests, section_text
from ...eventlog.times import parse_time
from ...reports.answers import SessionLine, session_line
from ...reports.clusters import Cluster, clusters_of
from ...reports.texts import cut_text, visible
from ..live import WatchedSession, watched_session
from .comparison import Compared, compare_sessions

if TYPE_CHECKING:
    from ...core.history.history import History
    from ...projections.session_row import SessionRow

BARS = 200
"""Tests of a timeline: the slowest."""
NAMES_SHOWN = 50


@dataclass(frozen=True)
class Bar:
    """A test in a timeline."""

    nodeid: str
    worker: str
    start_s: float
    """From the start of the session."""
    duration_s: float
    outcome: str


@dataclass(frozen=True)
class SessionPage:
    """One session."""

    line: SessionLine
    watched: WatchedSession
    clusters: list[Cluster]
    compared: Compared | None
    """With the session before it; None without one."""
    bars: list[Bar]
    attempts: int
    """Of which the bars are the slowest."""
    not_run: list[str]
    environment: list[tuple[str, str]]
    sections: list[tuple[str, str]]
    """Terminal output by name."""


def show_session(model: "History", name: str) -> SessionPage:
    """Return the page of a session.

    Args:
        model: where it is.
        name: its id, or the beginning.

    Raises:
        LookupError: there is no such session.
    """
    row = next((row for row in model.sessions() if visible(row.session_id) == name), None) or model.find_session(name)
    attempts = model.attempts(row.stream)
    return SessionPage(
        line=session_line(model, row),
        watched=watched_session(model, row),
        clusters=clusters_of(model, Analysis.of_rows(model, [row])),
        compared=_against_the_one_before(model, row),
        bars=_bars(model, row, [(each.duration_us, each.position) for each in attempts]),
        attempts=len(attempts),
        not_run=not_run_tests(model, row, {each.nodeid for each in attempts}),
        environment=_environment(row),
        sections=_sections(model, row),
    )


def _against_the_one_before(model: "History", row: "SessionRow") -> Compared | None:
    try:
        return compare_sessions(model, None, row.session_id, row.sut)
    except LookupError:
        return None  # it is the first one, or ran no test


def _bars(model: "History", row: "SessionRow", attempts: list[tuple[int, int]]) -> list[Bar]:
    """Return when the slowest attempts ran."""
    slowest = sorted(attempts, reverse=True)[:BARS]
    bars: list[Bar] = []
    for event in model.finished_at([position for _, position in slowest if position >= 0]):
        if event.started_at:
            start_s = max((parse_time(event.started_at) - row.started_us) / 1e6, 0.0)
            bars.append(Bar(event.nodeid, event.worker, start_s, event.duration_us / 1e6, event.outcome))
    return sorted(bars, key=lambda bar: (bar.worker, bar.start_s))


def _environment(row: "SessionRow") -> list[tuple[str, str]]:
    """Return what the session recorded about where it ran, and how it was started."""
    header = row.part.header or {}
    found: dict[str, Any] = {
        "System under test": row.sut,
        "Test run": header.get("test_run", ""),
        "Branch": branch_of(row),
        "Commit": row.commit,
        "Variant": variant_text(variant_of(header)),
        "Started as": " ".join(["pytest", *map(str, header.get("args") or ())]),
        "Python": header.get("python", ""),
        "pytest": header.get("pytest", ""),
        "Machine": _words(header.get("testing_system")),
        "Tags": _words(header.get("tags")),
        "CI": _words(header.get("ci")),
        "Plugins": _words(header.get("plugins")),
        "Properties": ", ".join(f"{name}={value}" for name, value in row.part.properties),
        "Ended by": row.part.interrupted or row.part.internal_error.partition("\n")[0],
        "Lost": f"{row.part.dropped} events could not be recorded" if row.part.dropped else "",
    }
    return [(name, str(value)) for name, value in found.items() if value]


def _words(value: Any) -> str:
    """Return a mapping or a list in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each not in (None, "", [], {}))  # type: ignore[misc]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")  # type: ignore[arg-type]


def _sections(model: "History", row: "SessionRow") -> list[tuple[str, str]]:
    names = dict.fromkeys(name for name, _ in row.part.outputs)
    return [(name, text) for name in names if (text := visible(cut_text(section_text(model, row, name))))]
