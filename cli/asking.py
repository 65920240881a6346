"""What the commands that ask about history share: options, the history that is meant, and how it is drawn."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import local_text, named_logs, open_model, readable_logs, utc_text
from .safe import safe_line
from .screen import Listing

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.references import Span
    from ..core.history.windows import Window
    from ..projections.apply import SessionRow
    from ..projections.readmodel import ReadModel


def complete_sut(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a system under test."""
    return _completions(ctx, lambda model: [name for name, *_ in model.suts()], incomplete)


def complete_session(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a session."""
    return _completions(ctx, lambda model: ["last", *(row.session_id for row in model.sessions(limit=200))], incomplete)


def complete_test(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a node id."""
    return _completions(ctx, lambda model: model.nodeids(incomplete), incomplete)


def _completions(ctx: typer.Context, ask: Any, incomplete: str) -> list[str]:
    """Answers to a question to the log that is meant; none if anything stands against it: completion never fails."""
    from ..eventlog.errors import EventLogError  # noqa: PLC0415

    try:
        with open_model(ctx.params.get("profile"), named_logs(ctx.params.get("logs"), ctx.params.get("log"))) as model:
            return [name for name in ask(model) if name.startswith(incomplete)]
    except (EventLogError, OSError, LookupError, ValueError):
        return []


SutOption = Annotated[
    str | None,
    typer.Option(
        "--sut", metavar="NAME", help="Only this system under test; a beginning will do.", autocompletion=complete_sut
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="SPAN",
        help="7d, 24h, 2w; a day, commit or session; or A..B, as 2026-11-01..2026-11-08.",
    ),
]
DaysOption = Annotated[int | None, typer.Option("--days", metavar="N", min=0, help="The last N days.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="WHEN",
        help="As it was at a date, a time, the end of a commit or session, or a byte offset of the log.",
    ),
]
BranchOption = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="NAME",
        help="Only sessions of this branch (default: what is broken is that of the project's branch).",
    ),
]
VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="KEY=VALUE",
        help="Only sessions of this variant, as python=3.13; may be given several times.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="All of them, not only the first 50.")]
NodeArgument = Annotated[
    str, typer.Argument(metavar="NODEID", help="A test, or a part of its node id.", autocompletion=complete_test)
]

LIMIT = 50
_COMPARED = 5000
"""Node ids that a mistyped one is compared with at most."""
DEFAULT_DAYS = 30


@contextmanager
def history_model(profile: str | None, logs: Sequence[Path] | None, as_of: str | None) -> Generator["ReadModel"]:
    """Give the read model of the log that is meant, as it is or as it was."""
    if as_of is None:
        with open_model(profile, logs) as model:
            yield model
        return
    from ..core.history.windows import model_as_of, moment_of  # noqa: PLC0415

    until_us = None if as_of.isdigit() else moment_of(as_of, lambda text: _span_in(profile, logs, text))
    with model_as_of(readable_logs(profile, logs), as_of, until_us) as model:
        yield model


def _span_in(profile: str | None, logs: Sequence[Path] | None, text: str) -> "Span | None":
    from ..core.history.references import span_named  # noqa: PLC0415

    with open_model(profile, logs) as model:
        return span_named(model, text)


@dataclass(frozen=True)
class Question:
    """What the options of a command ask about."""

    model: "ReadModel"
    sut: str | None
    """Full name of the system under test; None for all."""
    window: "Window"
    branch: str | None = None
    variant: tuple[tuple[str, str], ...] = ()

    @property
    def analysis(self) -> "Analysis":
        """The history that is meant."""
        from ..core.analyzer import Analysis  # noqa: PLC0415

        return self.narrowed(Analysis.of_model(self.model, self.sut, self.window))

    def narrowed(self, analysis: "Analysis") -> "Analysis":
        """Return an analysis of only the branch and the variants that are asked about."""
        return analysis.on_branch(self.branch).in_variant(**dict(self.variant))

    @property
    def sessions(self) -> "list[SessionRow]":
        """The sessions that are meant, the newest first."""
        rows = self.model.sessions(sut=self.sut, since_us=self.window.since_us)
        return [row for row in rows if self.window.holds(row.started_us)]


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
    """Give what the options of a command mean.

    Raises:
        ValueError: both `time` and `days` were given, or it is no span.
        LookupError: a name, commit or session is unknown, or not unique.
    """
    with history_model(profile, logs, as_of) as model:
        meant = question(model, as_of, sut=sut, time=time, days=days, default_days=default_days)
        if branch is None and not variant:
            yield meant
            return
        from ..core.history.variants import parse_variant  # noqa: PLC0415 - hardly ever asked for

        wanted = tuple(parse_variant(text) for text in variant or ())
        yield _known(replace(meant, branch=branch, variant=wanted))


def _known(asked_about: Question) -> Question:
    """Return a question about a branch and variants that have sessions.

    Raises:
        LookupError: there is no such session; the message names those that there are.
    """
    from ..core.analyzer import Analysis  # noqa: PLC0415
    from ..core.history.series import series_of  # noqa: PLC0415
    from ..core.history.variants import variant_text  # noqa: PLC0415
    from ..core.naming.nearest import did_you_mean  # noqa: PLC0415

    if asked_about.analysis.runs:
        return asked_about
    there = series_of(Analysis.of_model(asked_about.model, asked_about.sut, asked_about.window).runs)
    names = sorted({f"{key.branch or 'no branch'} {variant_text(key.variant)}".strip() for key in there})
    known = did_you_mean(asked_about.branch or "", {key.branch for key in there if key.branch})
    known = known or (f"; there are {', '.join(names[:5])}" if names else "")
    wanted = " ".join([asked_about.branch or "", variant_text(asked_about.variant)]).strip()
    raise LookupError(f"no session of {wanted!r} in that span of time{known}")


def question(
    model: "ReadModel",
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
    from ..core.history.references import sut_named  # noqa: PLC0415

    return Question(model, sut_named(model, sut), window)


def session_meant(model: "ReadModel", text: str) -> "SessionRow":
    """Return the session that is meant: the beginning of its id, `last`, or a commit that has only one.

    Raises:
        LookupError: there is none, or there are several.
    """
    from ..core.history.references import session_named  # noqa: PLC0415

    return session_named(model, text)


def _window_of(
    model: "ReadModel", time: str | None, days: int | None, default_days: int | None, as_of: str | None
) -> "Window":
    """The span of time that the options mean; an age is counted back from the time of `--as-of`."""
    from ..core.history.windows import Window, moment_of, parse_window  # noqa: PLC0415

    if time is not None and days is not None:
        raise ValueError("give either --time or --days")
    if time is None and days is None and not (as_of or "").isdigit():
        days = default_days
    text = time if time is not None else None if days is None else f"{days}d"
    if text is None:
        return Window()

    def lookup(what: str) -> "Span | None":
        from ..core.history.references import span_named  # noqa: PLC0415

        return span_named(model, what)

    return parse_window(text, moment_of(as_of, lookup) if as_of else None, lookup)


def find_test(model: "ReadModel", text: str) -> str:
    """Return the one test that a text means: its node id, or a part that no other has.

    Raises:
        LookupError: there is none, or there are several.
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


def _near_test(model: "ReadModel", text: str) -> str:
    """Return a hint at the test that a mistyped text may have meant, by its whole id or its last part."""
    from ..core.naming.nearest import nearest_name  # noqa: PLC0415 - only for a message about an error

    names: dict[str, str] = {}
    for nodeid in model.nodeids()[:_COMPARED]:
        names.setdefault(nodeid.rpartition("::")[2].partition("[")[0], nodeid)
        names[nodeid] = nodeid
    near = nearest_name(text, names)
    return f"; did you mean {names[near]}?" if near else ""


def _is_uncollected(model: "ReadModel", module: str) -> bool:
    """Return whether a session could not collect a module of this name."""
    return any(module in row.part.collect_failed for row in model.sessions())


# ------------------------------------------------------------------ data


def data_of(value: Any) -> Any:
    """Return an answer as `--json` prints it: dataclasses as objects, times as ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: data_of(item) for name, item in asdict_shallow(value).items()}
        return _with_times(fields)
    fields = getattr(value, "_asdict", None)
    if fields is not None:
        return _with_times({name: data_of(item) for name, item in fields().items()})
    if isinstance(value, dict):
        return {str(name): data_of(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [data_of(item) for item in value]
    return value


def asdict_shallow(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass without going into them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _with_times(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        (name[:-3] + "_at" if name.endswith("_us") else name): utc_text(item) if name.endswith("_us") else item
        for name, item in fields.items()
    }


# ------------------------------------------------------------------ drawing

_BARS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float]) -> str:
    """Return a sparkline from zero to the greatest value."""
    top = max(values, default=0.0)
    if not top:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(int(value / top * len(_BARS)), len(_BARS) - 1)] for value in values)


def bar(share: float, width: int = 20) -> str:
    """Return a bar of a share from 0 to 1."""
    full = round(max(0.0, min(share, 1.0)) * width)
    return "█" * full + "░" * (width - full)


def table(*columns: str) -> Listing:
    """Return a table; a column that begins with `>` is set to the right."""
    return Listing(*columns)


def seconds(value: float) -> str:
    """Return seconds for people."""
    from .common import duration_text  # noqa: PLC0415

    return duration_text(round(value * 1e6))


def percent(value: float) -> str:
    """Return a share as per cent, with as many digits as it takes to tell it from none and all."""
    return f"{value * 100:.1f} %" if 0 < value < 1 else f"{value * 100:.0f} %"


def when(time_us: int) -> str:
    """Return a time for people."""
    return local_text(time_us)


def name(text: str) -> str:
    """Return a name from a log, safe to print."""
    return safe_line(text)
