"""The meaning of a word of a comparison: a session, system, branch, span of time, commit or git ref."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ...projections.clock import is_future
from ...projections.readmodel import AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError
from ..history.partial import CUT_SHORT, Selected, selected_of
from ..history.references import sessions_of_commit, span_named, sut_named
from ..history.selection import is_age
from ..history.series import DEFAULT_BRANCHES, branch_of
from ..history.variants import Variant, variant_of
from ..history.windows import parse_window
from .nearest import did_you_mean
from .newest import NewestRows

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History

LAST = ("last", "latest")


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    mode: str
    name: str
    """As it was asked for; of a session that was not named, its id."""
    rows: "list[SessionRow]" = field(repr=False)
    """In order of time."""


def selection_of(row: "SessionRow") -> Selected:
    """Return what a session was told to run."""
    ended = row.exit_status not in CUT_SHORT
    return selected_of(row.part.header or {}, row.part.deselected, row.missing, ended=ended)


def _like(rows: "list[SessionRow]", others: "Sequence[SessionRow]") -> "list[SessionRow]":
    """Return those of the systems and variants of the other side, as far as there are any."""
    if not others:
        return rows
    suts, variants = {row.sut for row in others}, {row_variant(row) for row in others}
    same = [row for row in rows if row.sut in suts] or rows
    return [row for row in same if row_variant(row) in variants] or same


def row_variant(row: "SessionRow") -> Variant:
    """Return the variant that a session is of."""
    return variant_of(row.part.header or {})


def is_whole(row: "SessionRow") -> bool:
    """Return whether a session was told to run everything, and did."""
    return selection_of(row).is_whole and not row.part.collect_failed


def has_tests(row: "SessionRow") -> bool:
    """Return whether a session has something to compare: a test that was started, or a module that is not collected."""
    ran = any(count for verdict, count in row.verdicts.items() if verdict != "not_run")
    return bool(ran or row.part.open or row.part.collect_failed)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


class Meanings:
    """Finds the sessions that a word means.

    Args:
        model: where they are.
        rows: those that may be meant.
        now_us: the time up to which an age is counted; None for now.
    """

    def __init__(self, model: "History", rows: NewestRows, now_us: int | None = None) -> None:
        self._model = model
        self._rows = rows
        self._now_us = now_us

    @cached_property
    def default(self) -> str:
        """The branch that the project calls its own."""
        known: set[str] = set()
        for row in self._rows:
            known.add(branch_of(row))
            if DEFAULT_BRANCHES[0] in known:
                break  # no other one goes before it
        return next((name for name in DEFAULT_BRANCHES if name in known), "")

    def newest(self) -> "SessionRow | None":
        """Return the newest session; one of the future, or without a test, only if there is no other."""
        timely = (row for row in self._rows if not is_future(row.started_us))
        first = next(timely, None)
        if first is None:
            return next(iter(self._rows), None)
        return next((row for row in chain((first,), timely) if has_tests(row)), first)

    def side(self, text: str, mode: str | None, others: "Sequence[SessionRow]" = ()) -> Side:
        """Return what a word means.

        Args:
            text: the word.
            mode: what it is; None to guess.
            others: the sessions of the other side, in order of time; their systems and variants are preferred.
        """
        several: LookupError | None = None
        for name, find in self._finders():
            if mode not in (None, name):
                continue
            try:
                found = find(text, others)
            except (AmbiguousPrefixError, AmbiguousCommitError) as error:
                several = several or error
                continue
            if found:
                return Side(name, text, sorted(found, key=lambda row: (row.started_us, row.stream)))
        raise several or LookupError(self._unknown_message(text, mode))

    def _finders(self) -> "list[tuple[str, Callable[[str, Sequence[SessionRow]], list[SessionRow]]]]":
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

    def _whole_id(self, text: str, _: "Sequence[SessionRow]" = ()) -> "list[SessionRow]":
        if text in LAST:
            newest = self.newest()
            return [newest] if newest is not None else []
        try:
            found = self._model.find_session(text)
        except UnknownSessionError:
            return []
        except AmbiguousPrefixError:
            return [row for row in self._rows if text in (row.session_id, row.stream)]
        return [found] if text in (found.session_id, found.stream) and self._rows.has(found) else []

    def _session(self, text: str, _: "Sequence[SessionRow]" = ()) -> "list[SessionRow]":
        try:
            return [self._model.find_session(text)]
        except UnknownSessionError:
            return []

    def _sut(self, text: str, _: "Sequence[SessionRow]" = ()) -> "list[SessionRow]":
        return [row for row in self._rows if row.sut == text]

    def _beginning_of_sut(self, text: str, _: "Sequence[SessionRow]" = ()) -> "list[SessionRow]":
        if not any(row.sut.startswith(text) for row in self._rows):
            return []
        return self._sut(sut_named(self._model, text))

    def _newest_of_branch(self, text: str, others: "Sequence[SessionRow]") -> "list[SessionRow]":
        names = {text, text.removeprefix("origin/")}
        rows = [row for row in self._rows if self.branch(row) and self.branch(row) in names and has_tests(row)]
        taken = {row.stream for row in others}
        like = _like([row for row in rows if row.stream not in taken], others)
        found = [row for row in like if is_whole(row)] or like
        timely = [row for row in found if not is_future(row.started_us)] or found
        before = [row for row in timely if not others or row.started_us <= others[-1].started_us]
        return (before or timely)[:1]

    def _period(self, text: str, _: "Sequence[SessionRow]" = ()) -> "list[SessionRow]":
        if not (is_age(text) or ".." in text or _is_moment(text)):
            return []
        window = parse_window(text, self._now_us, lambda what: span_named(self._model, what))
        found = [row for row in self._rows if window.holds(row.started_us)]
        if not found:
            raise LookupError(f"no session started within {text}{self.known()}")
        return found

    def _commit(self, text: str, others: "Sequence[SessionRow]") -> "list[SessionRow]":
        streams = {row.stream for row in sessions_of_commit(self._model, text)}
        rows = [row for row in self._rows if row.stream in streams]
        taken = {row.stream for row in others}
        return _like([row for row in rows if row.stream not in taken] or rows, others)

    def branch(self, row: "SessionRow") -> str:
        """Return the branch of a session; the project's for one that does not know its own."""
        return branch_of(row) or self.default

    def _unknown_message(self, text: str, mode: str | None) -> str:
        """Return the message about a word that means nothing here, with what there is."""
        what = {None: "session, system, branch, span of time or commit", "sut": "system under test"}.get(mode, mode)
        names = [*self._suts(), *self._branches(), *(row.session_id for row in self._rows)]
        return f"no {what} is called {text!r}{did_you_mean(text, names) or self.known()}"

    def known(self) -> str:
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
