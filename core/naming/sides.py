"""The two sides of a comparison: what a word means, and which sessions are compared if no word is given.

| word | mode | sessions |
|---|---|---|
| `last` | session | the newest, a whole one if the other side is whole |
| id of a session, or its beginning | session | that one |
| name of a system under test | sut | all of it |
| branch that has sessions | branch | the newest whole one there of the other side's system and variant |
| `7d`, a day, `A..B` | period | all that started within |
| beginning of a commit's hash, git ref | commit | all on it, of the other side's system and variant |

Without a target the newest session is meant; without a base the one before the target, of the same system, branch,
variant and selection of tests. A session is never compared with itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...projections.clock import is_future
from ..history.partial import Selected
from ..history.test_runs import run_id_of
from .meanings import LAST, Meanings, Side, has_tests, is_whole, row_variant, selection_of

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History
    from .newest import NewestRows

RULES_VERSION = 1
"""Rises when the same words would mean other sessions."""


@dataclass(frozen=True)
class Sides:
    """Both sides."""

    base: Side
    target: Side
    notes: tuple[str, ...] = ()
    """Why these sessions, where that is no matter of course."""


class Chooser:
    """Finds the sessions of both sides.

    Args:
        model: where they are.
        rows: those that may be meant.
        now_us: the time up to which an age is counted; None for now.
    """

    def __init__(self, model: "History", rows: "NewestRows", now_us: int | None = None) -> None:
        self._rows = rows
        self._meant = Meanings(model, rows, now_us)

    def sides(self, base: str | None, target: str | None, mode: str | None = None) -> Sides:
        """Return both sides.

        Args:
            base, target: what was asked for; None for what suits the other one.
            mode: what both words are; None to guess.

        Raises:
            LookupError: there is no such session, or there is nothing to compare; the message names what there is.
        """
        if base in LAST and target in (None, *LAST):
            base, target = None, base  # `last` alone is the newer side
        if base is None:
            return self._with_session_before(target, mode)
        if target in (None, *LAST):
            return self._with_newest(base, mode)
        second = self._meant.side(target, mode)
        first = self._meant.side(base, mode, second.rows)
        if first.mode not in ("branch", "commit"):
            second = self._meant.side(target, mode, first.rows)
        return _without_common(Sides(first, second))

    # ------------------------------------------------------------ no word

    def _with_newest(self, base: str, mode: str | None) -> Sides:
        """Return the base with the newest session of its system that is not the base itself."""
        first = self._meant.side(base, mode)
        suts = {row.sut for row in first.rows}
        ran = [row for row in self._rows if row.sut in suts and has_tests(row)]
        rows = [row for row in ran if not is_future(row.started_us)] or ran
        if first.mode == "session":
            only = first.rows[0]
            rows = [row for row in rows if row.stream != only.stream and row.started_us >= only.started_us]
        if not rows:
            what = f"session {first.rows[-1].session_id} is the newest of {', '.join(sorted(suts))}"
            raise LookupError(f"{what}; no session follows it to compare with{self._meant.known()}")
        newest, left_out = rows[0], ()
        if not is_whole(newest):
            wanted = rows if first.mode == "session" else self._of_branch(rows, self._meant.branch(newest))
            whole = next((row for row in wanted if is_whole(row)), newest)
            if whole is not newest:
                left_out = (f"session {newest.session_id} is newer, but did not run all tests; --target names it",)
                newest = whole
        if first.mode in ("branch", "commit"):
            first = self._meant.side(base, mode, [newest])
        others = [row for row in first.rows if row.stream != newest.stream]
        first = Side(first.mode, first.name, others or first.rows)
        return _without_common(Sides(first, Side("session", newest.session_id, [newest]), left_out))

    def _of_branch(self, rows: "list[SessionRow]", branch: str) -> "list[SessionRow]":
        return [row for row in rows if self._meant.branch(row) == branch]

    def _with_session_before(self, target: str | None, mode: str | None) -> Sides:
        """Return the target, the newest session if it is not named, with the session before it."""
        newest = self._meant.newest()
        if newest is None:
            raise LookupError("there is no session to compare; record one with `pytest --insight`")
        second = Side("session", newest.session_id, [newest])
        if target is not None and target not in LAST:
            second = self._meant.side(target, mode, [newest])
        row = second.rows[-1]
        together = self._of_run(row) if second.mode == "session" else second.rows
        before, notes = self._before(row, {one.stream for one in [*together, *second.rows]})
        if before is None:
            raise LookupError(
                f"session {row.session_id} is the first of {row.sut}; no session precedes it to compare with"
                f"{self._meant.known()}"
            )
        rows = self._of_run(before) if len(together) > 1 else [before]
        return Sides(Side("session", before.session_id, rows), Side(second.mode, second.name, together), tuple(notes))

    def _before(self, row: "SessionRow", taken: set[str]) -> "tuple[SessionRow | None, list[str]]":
        """Return the session before another one that says most about what changed, and what is special about it.

        | of the same system | choice |
        |---|---|
        | branch, variant, selection of tests, all of which ran | first |
        | branch, variant, selection of tests | second |
        | branch, variant, whole | third |
        | project's branch, variant, whole | fourth |
        | branch, variant; then variant; then any | last |
        """
        first: dict[str, SessionRow] = {}
        for one in self._earlier(row, taken):
            for kind in self._kinds(one, row):
                first.setdefault(kind, one)
            if "ended" in first:  # nothing goes before it
                break
        for kind in ("ended", "alike", "whole", "default", "here", "same", "earlier"):
            if kind in first:
                found, notes = first[kind], self._differences(first[kind], row)
                if kind == "ended" and found is not first["alike"]:
                    notes.append(f"session {first['alike'].session_id} is between them, but did not run all its tests")
                return found, notes
        return None, []

    def _earlier(self, row: "SessionRow", taken: set[str]) -> "Iterator[SessionRow]":
        """Yield the sessions of the same system before another one that have tests, the newest first."""
        for one in self._rows:
            if one.sut == row.sut and one.stream not in taken and one.started_us <= row.started_us and has_tests(one):
                yield one

    def _kinds(self, one: "SessionRow", row: "SessionRow") -> "Iterator[str]":
        """Yield what an earlier session is to the one that it is compared with; see `_before`."""
        yield "earlier"
        if row_variant(one) != row_variant(row):
            return
        yield "same"
        if is_whole(one) and self._meant.branch(one) == self._meant.default:
            yield "default"
        if self._meant.branch(one) != self._meant.branch(row):
            return
        yield "here"
        if is_whole(one):
            yield "whole"
        selected = selection_of(one)
        if _is_like(selected, selection_of(row)):
            yield "alike"
            if not (selected.cut_short or one.part.collect_failed):
                yield "ended"

    def _differences(self, base: "SessionRow", target: "SessionRow") -> list[str]:
        """Return the differences between two sessions, as notes; times do not count."""
        notes: list[str] = []
        if self._meant.branch(base) != self._meant.branch(target):
            own = self._meant.branch(target) or "without a branch"
            notes.append(f"no session before on branch {own}; compared with {self._meant.branch(base) or 'no branch'}")
        if row_variant(base) != row_variant(target):
            notes.append("no session before of the same variant")
        if not _is_like(selection_of(base), selection_of(target)):
            notes.append("the two were not told to run the same tests")
        return notes

    def _of_run(self, row: "SessionRow") -> "list[SessionRow]":
        """Return the sessions of the same test run, system and variant, in order of time; only itself without a run."""
        run = run_id_of(row)
        if not run:
            return [row]
        found = [
            one
            for one in self._rows
            if run_id_of(one) == run and one.sut == row.sut and row_variant(one) == row_variant(row)
        ]
        return found[::-1] or [row]


def _without_common(sides: Sides) -> Sides:
    """Return two sides that have no session in common: one of both is left to the side that has fewer.

    Raises:
        LookupError: both are the same sessions.
    """
    base, target = sides.base, sides.target
    fewer, more = (base, target) if len(base.rows) < len(target.rows) else (target, base)
    streams = {row.stream for row in fewer.rows}
    rest = Side(more.mode, more.name, [row for row in more.rows if row.stream not in streams])
    base, target = (base, rest) if more is target else (rest, target)
    if not rest.rows:
        names = ", ".join(row.session_id for row in sides.target.rows[:3])
        raise LookupError(f"both sides are the same ({names}); name another session, commit or branch for one of them")
    return Sides(base, target, sides.notes)


def _is_like(one: Selected, other: Selected) -> bool:
    """Return whether two sessions were told to run the same tests, whether or not they ended."""
    return (one.options, one.paths) == (other.options, other.paths)


__all__ = ["Chooser", "Side", "Sides"]
