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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ..projections.clock import is_future
from ..projections.readmodel import AmbiguousPrefixError, UnknownSessionError
from .nearest import did_you_mean
from .partial import Selected, selected_of
from .references import sessions_of_commit, span_named, sut_named
from .selection import is_age
from .series import DEFAULT_BRANCHES, Variant, variant_of
from .shards import run_id_of
from .windows import parse_window

if TYPE_CHECKING:
    from ..projections.apply import SessionRow
    from ..projections.readmodel import ReadModel

RULES_VERSION = 1
"""Rises when the same words would mean other sessions."""

LAST = ("last", "latest")


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    mode: str
    name: str
    """As it was asked for; of a session that was not named, its id."""
    rows: "list[SessionRow]" = field(repr=False)
    """In order of time."""


@dataclass(frozen=True)
class Sides:
    """Both sides."""

    base: Side
    target: Side
    notes: tuple[str, ...] = ()
    """Why these sessions, where that is no matter of course."""


def branch_of(row: "SessionRow") -> str:
    """Return the branch that a session ran on; empty if it does not know."""
    return str(((row.part.header or {}).get("vcs") or {}).get("branch") or "")


def selection_of(row: "SessionRow") -> Selected:
    """Return what a session was told to run."""
    sealed = row.exit_status is not None
    return selected_of(row.part.header or {}, row.part.deselected, row.missing, sealed=sealed)


class Chooser:
    """Finds the sessions of both sides.

    Args:
        model: where they are.
        rows: those that may be meant, the newest first.
        now_us: the time up to which an age is counted; None for now.
    """

    def __init__(self, model: "ReadModel", rows: "Sequence[SessionRow]", now_us: int | None = None) -> None:
        self._model = model
        self._rows = list(rows)
        self._now_us = now_us
        known = {branch_of(row) for row in rows}
        self._default = next((name for name in DEFAULT_BRANCHES if name in known), "")

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
        second = self._side(target, mode, None)
        first = self._side(base, mode, second.rows[-1])
        if first.mode not in ("branch", "commit"):
            second = self._side(target, mode, first.rows[-1])
        return _checked(Sides(first, second))

    # ------------------------------------------------------------ no word

    def _with_newest(self, base: str, mode: str | None) -> Sides:
        """Return the base with the newest session of its system that is not the base itself."""
        first = self._side(base, mode, None)
        suts = {row.sut for row in first.rows}
        ran = [row for row in self._rows if row.sut in suts and _has_tests(row)]
        rows = [row for row in ran if not is_future(row.started_us)] or ran
        if first.mode == "session":
            only = first.rows[0]
            rows = [row for row in rows if row.stream != only.stream and row.started_us >= only.started_us]
        if not rows:
            what = f"session {first.rows[-1].session_id} is the newest of {', '.join(sorted(suts))}"
            raise LookupError(f"{what}; there is none after it to compare with{self._known()}")
        newest, left_out = rows[0], ()
        if not _is_whole(newest):
            wanted = rows if first.mode == "session" else self._of_branch(rows, self._branch(newest))
            whole = next((row for row in wanted if _is_whole(row)), newest)
            if whole is not newest:
                left_out = (f"session {newest.session_id} is newer, but did not run all tests; --target names it",)
                newest = whole
        if first.mode in ("branch", "commit"):
            first = self._side(base, mode, newest)
        others = [row for row in first.rows if row.stream != newest.stream]
        first = Side(first.mode, first.name, others or first.rows)
        return _checked(Sides(first, Side("session", newest.session_id, [newest]), left_out))

    def _of_branch(self, rows: "list[SessionRow]", branch: str) -> "list[SessionRow]":
        return [row for row in rows if self._branch(row) == branch]

    def _with_session_before(self, target: str | None, mode: str | None) -> Sides:
        """Return the target, the newest session if it is not named, with the session before it."""
        newest = self._newest(())
        if newest is None:
            raise LookupError("there is no session to compare; record one with `pytest --insight`")
        second = Side("session", newest.session_id, [newest])
        if target is not None and target not in LAST:
            second = self._side(target, mode, newest)
        row = second.rows[-1]
        together = self._of_run(row) if second.mode == "session" else second.rows
        before, notes = self._before(row, {one.stream for one in [*together, *second.rows]})
        if before is None:
            raise LookupError(
                f"session {row.session_id} is the first of {row.sut}; there is none before it to compare with"
                f"{self._known()}"
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
        earlier = [
            one
            for one in self._rows
            if one.sut == row.sut and one.stream not in taken and one.started_us <= row.started_us and _has_tests(one)
        ]
        branch, variant, selected = self._branch(row), _variant(row), selection_of(row)
        same = [one for one in earlier if _variant(one) == variant]
        here = self._of_branch(same, branch)
        whole = [one for one in here if _is_whole(one)]
        default = [one for one in same if self._branch(one) == self._default and _is_whole(one)]
        alike = [one for one in here if _is_like(selection_of(one), selected)]
        ended = [one for one in alike if not (selection_of(one).cut_short or one.part.collect_failed)]
        for found in (ended, alike, whole, default, here, same, earlier):
            if found:
                notes = self._differences(found[0], row)
                if found is ended and found[0] is not alike[0]:
                    notes.append(f"session {alike[0].session_id} is between them, but did not run all its tests")
                return found[0], notes
        return None, []

    def _differences(self, base: "SessionRow", target: "SessionRow") -> list[str]:
        """Return what differs between two sessions beside their time."""
        notes: list[str] = []
        if self._branch(base) != self._branch(target):
            own = self._branch(target) or "without a branch"
            notes.append(f"no session before on branch {own}; compared with {self._branch(base) or 'no branch'}")
        if _variant(base) != _variant(target):
            notes.append("no session before of the same variant")
        if not _is_like(selection_of(base), selection_of(target)):
            notes.append("the two were not told to run the same tests")
        return notes

    def _newest(self, taken: "Sequence[SessionRow]") -> "SessionRow | None":
        """Return the newest session; one of the future, or without a test, only if there is no other."""
        streams = {row.stream for row in taken}
        rows = [row for row in self._rows if row.stream not in streams]
        timely = [row for row in rows if not is_future(row.started_us)]
        return next((row for row in timely if _has_tests(row)), next(iter(timely or rows), None))

    def _of_run(self, row: "SessionRow") -> "list[SessionRow]":
        """Return the sessions of the same test run, system and variant, in order of time; only itself without a run."""
        run = run_id_of(row)
        found = [
            one
            for one in self._rows
            if run and run_id_of(one) == run and one.sut == row.sut and _variant(one) == _variant(row)
        ]
        return found[::-1] or [row]

    # ------------------------------------------------------------ a word

    def _side(self, text: str, mode: str | None, other: "SessionRow | None") -> Side:
        """Return what a word means.

        Args:
            text: the word.
            mode: what it is; None to guess.
            other: a session of the other side, whose system and variant are preferred.
        """
        several: LookupError | None = None
        for name, find in self._finders():
            if mode not in (None, name):
                continue
            try:
                found = find(text, other)
            except AmbiguousPrefixError as error:
                several = several or error
                continue
            if found:
                return Side(name, text, sorted(found, key=lambda row: (row.started_us, row.stream)))
        raise several or LookupError(self._unknown(text, mode))

    def _finders(self) -> "list[tuple[str, Callable[[str, SessionRow | None], list[SessionRow]]]]":
        """Return how a word is understood, the first that fits; names that are written in full come before others."""
        return [
            ("session", self._whole_id),
            ("sut", self._sut),
            ("branch", self._newest_of_branch),
            ("period", self._period),
            ("session", self._session),
            ("commit", self._commit),
            ("sut", self._beginning_of_sut),
        ]

    def _whole_id(self, text: str, _: "SessionRow | None") -> "list[SessionRow]":
        if text in LAST:
            newest = self._newest(())
            return [newest] if newest is not None else []
        return [row for row in self._rows if text in (row.session_id, row.stream)]

    def _session(self, text: str, _: "SessionRow | None") -> "list[SessionRow]":
        try:
            return [self._model.find_session(text)]
        except UnknownSessionError:
            return []

    def _sut(self, text: str, _: "SessionRow | None") -> "list[SessionRow]":
        return [row for row in self._rows if row.sut == text]

    def _beginning_of_sut(self, text: str, _: "SessionRow | None") -> "list[SessionRow]":
        if not any(row.sut.startswith(text) for row in self._rows):
            return []
        return self._sut(sut_named(self._model, text), None)

    def _newest_of_branch(self, text: str, other: "SessionRow | None") -> "list[SessionRow]":
        names = {text, text.removeprefix("origin/")}
        rows = [row for row in self._rows if self._branch(row) and self._branch(row) in names and _has_tests(row)]
        rows = [row for row in rows if other is None or row.stream != other.stream]
        like = _like(rows, other)
        found = [row for row in like if _is_whole(row)] or like
        timely = [row for row in found if not is_future(row.started_us)] or found
        before = [row for row in timely if other is None or row.started_us <= other.started_us]
        return (before or timely)[:1]

    def _period(self, text: str, _: "SessionRow | None") -> "list[SessionRow]":
        if not (is_age(text) or ".." in text or _is_moment(text)):
            return []
        window = parse_window(text, self._now_us, lambda what: span_named(self._model, what))
        found = [row for row in self._rows if window.holds(row.started_us)]
        if not found:
            raise LookupError(f"no session started within {text}{self._known()}")
        return found

    def _commit(self, text: str, other: "SessionRow | None") -> "list[SessionRow]":
        streams = {row.stream for row in sessions_of_commit(self._model, text)}
        rows = [row for row in self._rows if row.stream in streams]
        rows = [row for row in rows if other is None or row.stream != other.stream] or rows
        return _like(rows, other)

    def _branch(self, row: "SessionRow") -> str:
        return branch_of(row) or self._default

    def _unknown(self, text: str, mode: str | None) -> str:
        """Return the message about a word that means nothing here, with what there is."""
        what = {None: "session, system, branch, span of time or commit", "sut": "system under test"}.get(mode, mode)
        names = [*self._suts(), *self._branches(), *(row.session_id for row in self._rows)]
        return f"no {what} is called {text!r}{did_you_mean(text, names) or self._known()}"

    def _known(self) -> str:
        """Return what there is, for a message."""
        parts = [
            f"{title} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"  # noqa: PLR2004 - a handful
            for title, names in (
                ("systems", self._suts()),
                ("branches", self._branches()),
                ("sessions", [row.session_id for row in self._rows]),
            )
            if names
        ]
        return f"; there are {'; '.join(parts)}" if parts else "; no session is recorded"

    def _suts(self) -> list[str]:
        return list(dict.fromkeys(row.sut for row in self._rows))

    def _branches(self) -> list[str]:
        return [name for name in dict.fromkeys(branch_of(row) for row in self._rows) if name]


def _checked(sides: Sides) -> Sides:
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


def _like(rows: "list[SessionRow]", other: "SessionRow | None") -> "list[SessionRow]":
    """Return those of the system and variant of the other side, as far as there are any."""
    if other is None:
        return rows
    same = [row for row in rows if row.sut == other.sut] or rows
    return [row for row in same if _variant(row) == _variant(other)] or same


def _variant(row: "SessionRow") -> Variant:
    return variant_of(row.part.header or {})


def _is_like(one: Selected, other: Selected) -> bool:
    """Return whether two sessions were told to run the same tests, whether or not they came to the end."""
    return (one.options, one.paths) == (other.options, other.paths)


def _is_whole(row: "SessionRow") -> bool:
    """Return whether a session was told to run everything, and did."""
    return selection_of(row).is_whole and not row.part.collect_failed


def _has_tests(row: "SessionRow") -> bool:
    """Return whether a session has something to compare."""
    return bool(row.verdicts or row.part.open or row.part.collect_failed)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
