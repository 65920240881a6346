"""The rules that decide, one table each: the verdict of a test, the state of a session, what counts, what is shown.

Pure functions over small finite domains; the tests go through all of them. The rule for one attempt is in
`eventlog.outcome`, as the plugin needs it too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from ..eventlog.events import Outcome
from ..eventlog.outcome import BAD, GOOD, OUTCOMES, VERDICTS, Verdict
from ..eventlog.outcome import RULES_VERSION as ATTEMPT_RULES_VERSION

RULES_VERSION = f"{ATTEMPT_RULES_VERSION}.4"
"""Part of every read model; a model made by other rules is made again from the log."""

SessionStatus = Literal["complete", "incomplete", "interrupted"]


def verdict_of(
    attempts: Sequence[Outcome], *, crashed: bool = False, running: bool = False, cut: bool = False
) -> Verdict:
    """Return the verdict of one test in one session.

    Args:
        attempts: outcomes of its attempts in order.
        crashed: a worker process died in its last attempt.
        running: an attempt was started and has no report; see `is_left_open`.
        cut: the run was interrupted, by its user or by pytest; what was running did not die by itself.
    """
    if crashed or running:
        return "cut" if cut and not crashed else "crashed"
    return attempts[-1] if attempts else "not_run"


def is_cut(*, sealed: bool, interrupted: str) -> bool:
    """Return whether what was running at the end of a session was cut off by its user or pytest, and did not die."""
    return sealed and bool(interrupted)


def is_left_open(*, sealed: bool, attempt: int, last_finished: int, settled: bool) -> bool:
    """Return whether a start without a finish leaves its test running, or is only a trace of an earlier attempt.

    Args:
        sealed: the session was closed properly; then any finish that is no rerun outranks the start.
        attempt: number of the attempt that was started.
        last_finished: number of the last attempt of the test that is finished; 0 if none is.
        settled: an attempt of the test is finished that was no rerun.
    """
    return last_finished < attempt and not (sealed and settled)


def is_flaky(attempts: Sequence[Outcome]) -> bool:
    """Return whether the last attempt of a test is good and an earlier one is neither good nor skipped."""
    return (
        len(attempts) > 1
        and attempts[-1] in GOOD
        and any(outcome not in GOOD and outcome != "skipped" for outcome in attempts[:-1])
    )


def session_status(*, sealed: bool, missing: int) -> SessionStatus:
    """Return the state of a session from its seal and the number of announced tests without a verdict."""
    if not sealed:
        return "interrupted"
    return "incomplete" if missing else "complete"


def terminal_categories(phases: Iterable[str], phase_outcomes: Mapping[str, str]) -> list[str]:
    """Return what one attempt adds one to in pytest's last line: each phase that says something counts."""
    names = [name for name in phase_outcomes.values() if name]
    return [*names, "passed"] if "call" in phases and "call" not in phase_outcomes else names


ChangeKind = Literal["cleared", "superseded", "restored"]

Change = tuple[str, str, ChangeKind]
"""`(at, digest, what)` of an event that hides or shows a session; of several the greatest counts."""


class Labelled(NamedTuple):
    """A session as far as its label is concerned."""

    stream: str
    started_us: int
    change: Change | None = None
    """The latest that was said about it."""


def latest_change(changes: Iterable[Change]) -> Change | None:
    """Return the change that counts: the latest by time, then by digest, wherever the logs were merged."""
    return max(changes, default=None)


def visible_names(label: str, sessions: Iterable[Labelled]) -> dict[str, str]:
    """Of all sessions with one label, return the visible ones: their names by stream.

    | said last about it | visible |
    |---|---|
    | cleared | no |
    | superseded | no; only where all of a label gave way to each other, the one that gave way first |
    | restored | yes, together with others of its label |
    | nothing | the earliest by `(start, stream)` of those about which nothing was said |

    The first by `(time of restoring, start, stream)` has the label itself, the others `<label>~<8 digits of stream>`.
    """
    found = list(sessions)
    said: dict[str, list[Labelled]] = {}
    for session in found:
        said.setdefault(session.change[2] if session.change else "", []).append(session)
    visible = said.get("restored", []) + sorted(said.get("", []), key=_start)[:1]
    if not visible and "cleared" not in said and "superseded" in said:
        visible = [min(said["superseded"], key=_last_change)]
    visible.sort(key=lambda session: (_last_change(session)[:1] if _is_restored(session) else ("",), _start(session)))
    digits = _digits({session.stream for session in found})
    return {
        session.stream: label if rank == 0 else f"{label}~{session.stream[:digits]}"
        for rank, session in enumerate(visible)
    }


def _start(session: Labelled) -> tuple[int, str]:
    return session.started_us, session.stream


def _last_change(session: Labelled) -> tuple[str, str]:
    return session.change[:2] if session.change else ("", "")


def _is_restored(session: Labelled) -> bool:
    return session.change is not None and session.change[2] == "restored"


def _digits(streams: set[str]) -> int:
    """How many digits of a stream tell it from the others of its label; 8 unless chance will have it otherwise."""
    return next(digits for digits in range(8, 33) if len({stream[:digits] for stream in streams}) == len(streams))


__all__ = [
    "BAD",
    "GOOD",
    "OUTCOMES",
    "RULES_VERSION",
    "VERDICTS",
    "Change",
    "ChangeKind",
    "Labelled",
    "SessionStatus",
    "Verdict",
    "is_cut",
    "is_flaky",
    "is_left_open",
    "latest_change",
    "session_status",
    "verdict_of",
    "visible_names",
]
