"""The history that the options of a command select: logs, span of time, system, branch, variants."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .logs import open_model, readable_logs

if TYPE_CHECKING:
    from ...api import Analysis
    from ...api.internal.history import History, NewestRows, SessionRow, Span, Window


_COMPARED = 5000
"""Node ids that a mistyped one is compared with at most."""


@contextmanager
def history_model(profile: str | None, logs: Sequence[Path] | None, as_of: str | None) -> Generator["History"]:
    """Yield the read model of the selected logs, as it is or as it was."""
    if as_of is None:
        with open_model(profile, logs) as model:
            yield model
        return
    from ...api.internal.history import model_as_of, moment_of

    until_us = None if as_of.isdigit() else moment_of(as_of, lambda text: _span_in(profile, logs, text))
    with model_as_of(readable_logs(profile, logs), as_of, until_us) as model:
        yield model


def _span_in(profile: str | None, logs: Sequence[Path] | None, text: str) -> "Span | None":
    from ...api.internal.history import span_named

    with open_model(profile, logs) as model:
        return span_named(model, text)


@dataclass(frozen=True)
class Question:
    """The part of a history that the options of a command select."""

    model: "History"
    sut: str | None
    """Full name of the system under test; None for all."""
    window: "Window"
    branch: str | None = None
    variant: tuple[tuple[str, str], ...] = ()

    @property
    def analysis(self) -> "Analysis":
        """The history that is meant."""
        from ...api import Analysis

        return self.narrowed(Analysis.of_model(self.model, self.sut, self.window))

    def narrowed(self, analysis: "Analysis") -> "Analysis":
        """Return an analysis of only the branch and the variants that are asked about."""
        return analysis.on_branch(self.branch).in_variant(**dict(self.variant))

    @property
    def sessions(self) -> "list[SessionRow]":
        """The sessions that are meant, the newest first."""
        rows = self.model.sessions(sut=self.sut, since_us=self.window.since_us)
        return [row for row in rows if self.window.holds(row.started_us)]

    @property
    def newest(self) -> "NewestRows":
        """The same sessions, read as far as they are looked at."""
        from ...api.internal.history import NewestRows

        return NewestRows(self.model, self.sut, self.window)


@contextmanager
def asked(
    profile: str | None,
    logs: Sequence[Path] | None,
    as_of: str | None,
    *,
    sut: str | None = None,
    time: str | None = None,
    days: int | None = None,
    default_days: int | None = None,
    branch: str | None = None,
    variant: list[str] | None = None,
) -> Generator[Question]:
    """Yield the part of a history that the options of a command select.

    Raises:
        ValueError: both `time` and `days` were given, or it is no span.
        LookupError: a name, commit or session is unknown, or not unique.
    """
    with history_model(profile, logs, as_of) as model:
        meant = question(model, as_of, sut=sut, time=time, days=days, default_days=default_days)
        if branch is None and not variant:
            yield meant
            return
        from ...api.internal.history import parse_variant

        wanted = tuple(parse_variant(text) for text in variant or ())
        yield _with_sessions(replace(meant, branch=branch, variant=wanted))


def _with_sessions(asked_about: Question) -> Question:
    """Return a question about a branch and variants that have sessions.

    Raises:
        LookupError: there is no such session; the message names those that there are.
    """
    from ...api import Analysis
    from ...api.internal.history import did_you_mean, series_of, variant_text

    if asked_about.analysis.runs:
        return asked_about
    there = series_of(Analysis.of_model(asked_about.model, asked_about.sut, asked_about.window).runs)
    names = sorted({f"{key.branch or 'no branch'} {variant_text(key.variant)}".strip() for key in there})
    known = did_you_mean(asked_about.branch or "", {key.branch for key in there if key.branch})
    known = known or (f"; there are {', '.join(names[:5])}" if names else "")
    wanted = " ".join([asked_about.branch or "", variant_text(asked_about.variant)]).strip()
    raise LookupError(f"no session of {wanted!r} in that span of time{known}")


def question(
    model: "History",
    as_of: str | None,
    *,
    sut: str | None = None,
    time: str | None = None,
    days: int | None = None,
    default_days: int | None = None,
) -> Question:
    """Return what options mean in a history; see `asked`."""
    window = _window_of(model, time, days, default_days, as_of)
    if sut is None:
        return Question(model, None, window)
    from ...api.internal.history import sut_named

    return Question(model, sut_named(model, sut), window)


def session_meant(model: "History", text: str) -> "SessionRow":
    """Return the session that is meant: the beginning of its id, `last`, or a commit that has only one.

    Raises:
        LookupError: none or several match.
    """
    from ...api.internal.history import session_named

    return session_named(model, text)


def _window_of(
    model: "History", time: str | None, days: int | None, default_days: int | None, as_of: str | None
) -> "Window":
    """The span of time that the options mean; an age is counted back from the time of `--as-of`."""
    from ...api.internal.history import Window, moment_of, parse_window

    if time is not None and days is not None:
        raise ValueError("give either --time or --days")
    if time is None and days is None and not (as_of or "").isdigit():
        days = default_days
    text = time if time is not None else None if days is None else f"{days}d"
    if text is None:
        return Window()

    def lookup(what: str) -> "Span | None":
        from ...api.internal.history import span_named

        return span_named(model, what)

    return parse_window(text, moment_of(as_of, lookup) if as_of else None, lookup)


def find_test(model: "History", text: str) -> str:
    """Return the one test that a text means: its node id, or a part that no other has.

    Raises:
        LookupError: none or several match.
    """
    found = model.nodeids(text)
    if text in found or ("::" not in text and _is_uncollected(model, text)):
        return text
    if len(found) == 1:
        return found[0]
    if not found:
        hint = _near_test(model, text) or "; see `insight test list`"
        raise LookupError(f"no test has {text!r} in its node id{hint}")
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")  # noqa: PLR2004 - a handful
    raise LookupError(f"{len(found)} tests have {text!r} in their node ids: {shown}")


def _near_test(model: "History", text: str) -> str:
    """Return a hint at the test that a mistyped text may have meant, by its whole id or its last part."""
    from ...api.internal.history import nearest_name

    names: dict[str, str] = {}
    for nodeid in model.nodeids()[:_COMPARED]:
        names.setdefault(nodeid.rpartition("::")[2].partition("[")[0], nodeid)
        names[nodeid] = nodeid
    near = nearest_name(text, names)
    return f"; did you mean {names[near]}?" if near else ""


def _is_uncollected(model: "History", module: str) -> bool:
    """Return whether a session could not collect a module of this name."""
    return any(module in row.part.collect_failed for row in model.sessions())


# ------------------------------------------------------------------ data


# ------------------------------------------------------------------ drawing
