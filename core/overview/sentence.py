"""The sentences that an answer begins with: how the newest session ended, and what is broken since when."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..history.states import session_state

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History
    from ..history.partial import Selected
    from ..history.verdicts.run import Run
    from ..questions.broken import Broken
    from .headline import OutageNow

RULES_VERSION = 2
"""Rises when the same history would be told in another sentence."""

HASH_DIGITS = 9
LATEST = "latest session"
NOTHING = "nothing is broken"


class Progress(NamedTuple):
    """How far a session came."""

    state: str
    done: int
    """Tests that have a result."""
    total: int
    """Tests that it has, or announced."""
    running: tuple[str, ...]
    """Tests that were started and have no result."""
    uncollected: tuple[str, ...] = ()
    bad: int = 0
    """Tests that failed."""
    exit_status: int | None = None


def progress_of(row: "SessionRow", run_state: str) -> Progress:
    """Return how far a session came.

    Args:
        row: the session.
        run_state: of one without its last event; see `session_state`.
    """
    running = tuple(dict.fromkeys(nodeid for nodeid, _, _ in row.part.open))
    total = sum(count for verdict, count in row.verdicts.items() if verdict != "flaky")
    done = total - row.verdicts.get("not_run", 0) - len(running)
    bad = sum(row.verdicts.get(verdict, 0) for verdict in ("failed", "error"))
    uncollected = tuple(dict.fromkeys(row.part.collect_failed))
    state = session_state(row, run_state)
    return Progress(state, max(done, 0), total, running, uncollected, bad, row.exit_status)


def newest_progress(model: "History", run: "Run") -> Progress | None:
    """Return how far a session came; None if it is in no log."""
    row = model.session_of(run.stream) if run.stream else None
    return progress_of(row, model.state_of(row)) if row is not None else None


class Newest(NamedTuple):
    """The newest sessions, which an answer begins with."""

    run: "Run"
    progress: Progress | None
    """How far it came; None if that is not known."""
    tested: "Run | None"
    """The newest that ran tests; the same one most of the time, None if none did."""
    tested_progress: Progress | None


def newest_of(model: "History", runs: "Sequence[Run]") -> Newest:
    """Return the newest of some sessions, and the newest of them that ran tests.

    Args:
        model: where they are stored.
        runs: at least one session, in order of time.
    """
    newest = runs[-1]
    progress = newest_progress(model, newest)
    if newest.has_tests or (progress is not None and progress.state == "running"):
        return Newest(newest, progress, newest, progress)
    tested = next((run for run in reversed(runs) if run.has_tests), None)
    return Newest(newest, progress, tested, newest_progress(model, tested) if tested is not None else None)


def headline_of(newest: Newest, outage: "OutageNow | None", broken: "Sequence[Broken]") -> list[str]:
    """Return the sentences that an answer begins with; after a session that ran no test they are about the one before.

    Args:
        newest: the newest sessions.
        outage: the one that goes on.
        broken: what is broken.
    """
    if newest.tested is newest.run:
        return sentences_of(newest.progress, newest.run.selected, outage, broken)
    ended = state_sentence(newest.progress, newest.run.selected) if newest.progress is not None else ""
    ended = ended or "latest session ran no tests"
    if newest.tested is None:
        return [f"{ended}; no session before it ran tests"]
    name = f"session {newest.tested.name}"
    before = sentences_of(newest.tested_progress, newest.tested.selected, outage, broken, name)
    return [f"{ended}; the newest that ran tests is {name}", *before]


def sentences_of(
    progress: Progress | None,
    selected: "Selected",
    outage: "OutageNow | None",
    broken: "Sequence[Broken]",
    session: str = LATEST,
) -> list[str]:
    """Return the sentences about a session that ran tests.

    Args:
        progress: how far it came; None if that is not known.
        selected: what it was told to run.
        outage: the one that goes on.
        broken: what is broken.
        session: how it is called.
    """
    state = state_sentence(progress, selected, session) if progress is not None else ""
    if not (state or broken) and progress is not None and progress.exit_status == 1:
        return ["nothing is broken, but pytest ended with exit status 1"]
    what = broken_sentence(outage, broken, session)
    if what == NOTHING and progress is not None and progress.state == "internal error":
        what = "no test is broken"
    return [*([state] if state else []), what]


def state_sentence(progress: Progress, selected: "Selected", session: str = LATEST) -> str:
    """Return how a session ended, or how far it is, where that is more than passed or failed; empty otherwise.

    Args:
        progress: how far it came.
        selected: what it was told to run.
        session: how it is called.
    """
    done, total, running = progress.done, progress.total, progress.running
    far = f"{done} of {_count(total, 'test')}"
    now = f"{running[0]}{f' and {len(running) - 1} more' if len(running) > 1 else ''}" if running else ""
    bad = f", {progress.bad} failed" if progress.bad else ""
    modules = progress.uncollected
    told = {
        "running": f"{session} is running: {far} done{bad}{f'; {now} runs now' if now else ''}",
        "killed": f"{session} was killed after {far}{f', while {now} was running' if now else ''}",
        "unknown": f"{session} has no end: {far} done{f', {now} was running' if now else ''}",
        "interrupted": f"{session} was interrupted after {far}{f', while {now} was running' if now else ''}",
        "internal error": f"{session} ended with an internal error of pytest"
        f"{f' after {far}' if done else ' before any test ran'}",
        "usage error": f"{session} ended with a usage error of pytest before any test ran",
        "no tests": f"{session} ran no tests",
        "incomplete": f"{session} left {total - done} of {_count(total, 'test')} without a result",
        "errors in collection": f"{session} could not collect {_count(len(modules), 'module')}{_of(modules)}",
    }
    if progress.state in told:
        return told[progress.state]
    if progress.state not in ("passed", "failed"):
        return f"{session} ended with {progress.state}"
    return f"{session} ran only some tests ({_selection(selected)})" if _selection(selected) else ""


def broken_sentence(outage: "OutageNow | None", broken: "Sequence[Broken]", session: str = LATEST) -> str:
    """Return what is broken: the outage that goes on, else the newest group of tests that were good at one commit."""
    if outage is not None:
        return _outage_sentence(outage, session)
    if not any(one.last_good is not None for one in broken):
        return f"{_count(len(broken), 'test')} broken, never good in this span" if broken else NOTHING
    newest = max(one.first_bad.started_us for one in broken)
    since = [one for one in broken if one.first_bad.started_us == newest]
    before = f"; {len(broken) - len(since)} failed before already" if len(broken) > len(since) else ""
    return f"{_since_sentence(since)}{before}"


def _since_sentence(since: "Sequence[Broken]") -> str:
    """Return how many tests fail since one session, and where they were good."""
    goods = [one.last_good for one in since if one.last_good is not None]
    never = len(since) - len(goods)
    if not goods:
        noun = "test" if any("::" in one.nodeid for one in since) else "module"
        return f"{_count(never, noun)} {'fails' if never == 1 else 'fail'} that never passed before"
    last = max(goods, key=lambda good: good.started_us)
    where = last.commit or last.session
    there = sum((good.commit or good.session) == where for good in goods)
    verb = "fails that was" if there == 1 else "fail that were"
    more = f", {len(goods) - there} more that were good earlier" if len(goods) > there else ""
    new = f", {never} more that never passed" if never else ""
    return f"{_count(there, 'test')} {verb} good at {last.commit[:HASH_DIGITS] or last.session}{more}{new}"


def _outage_sentence(outage: "OutageNow", session: str) -> str:
    since = outage.since_commit[:HASH_DIGITS] or outage.since_session
    good = outage.good_commit[:HASH_DIGITS] or outage.good_session
    last = f", last good {good}" if good else ""
    message = f": {outage.message}" if outage.message else ""
    row = f" ({_count(outage.sessions, 'session')})"
    return f"{session}: {outage.bad} of {outage.considered} fail since {since}{row}{last}{message}"


def _of(names: Sequence[str]) -> str:
    """Return the first of some names, as what is behind a number."""
    return f": {names[0]}{', ...' if len(names) > 1 else ''}" if names else ""


def _selection(selected: "Selected") -> str:
    """Return what narrowed a session, as it was written."""
    words = [*selected.options, *selected.paths]
    return " ".join(words[:3]) + (" ..." if len(words) > 3 else "")  # noqa: PLR2004 - a few


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
