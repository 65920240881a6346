"""What the commands share: which log is meant, how times and durations look, how data is printed."""

import json
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ..eventlog.outcome import RESULTS, TERMINAL_ORDER
from .logs import NO_LOG_YET, LogArgument, LogOption, log_path, named_logs, one_log, open_model, readable_logs
from .safe import safe_json, safe_line
from .screen import Output, Word, output, rich_console

__all__ = [
    "NO_LOG_YET",
    "LogArgument",
    "LogOption",
    "log_path",
    "named_logs",
    "one_log",
    "open_model",
    "readable_logs",
]


def complete_profile(incomplete: str) -> list[str]:
    """Complete the name of a profile; completion never fails."""
    from ..core.profiles import list_profiles  # noqa: PLC0415 - commands import what they use
    from ..eventlog.errors import EventLogError  # noqa: PLC0415

    try:
        return [name for name in list_profiles() if name.startswith(incomplete)]
    except (EventLogError, OSError):
        return []


ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="NAME",
        help="Profile to look at (default: the active one).",
        autocompletion=complete_profile,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SECOND_US = 1_000_000
_MINUTE_S = 60

OUTCOME_STYLES = {
    **{result.name: result.style for result in RESULTS if result.style},
    "deselected": "yellow",
    "warnings": "yellow",
    "errors in collection": "red",
    "usage error": "red",
    "internal error": "red",
    "no tests": "yellow",
    "killed": "bold red",
    "complete": "green",
    "incomplete": "magenta",
    "interrupted": "bold red",
    "running": "cyan",
}
"""Colours by outcome, verdict and status; the words stand beside them, so nothing is said by colour alone."""


class NotConfirmedError(LookupError):
    """Nobody said yes."""


def confirm(question: str, *, force: bool) -> None:
    """Ask on the terminal, and go on only with a yes.

    Args:
        question: what is about to happen.
        force: do not ask.

    Raises:
        NotConfirmedError: the answer is no, or there is no terminal to ask on.
    """
    if force:
        return
    if not sys.stdin.isatty():
        raise NotConfirmedError(f"{question} - there is no terminal to ask on; --force says yes")
    if not typer.confirm(question, err=True):
        raise NotConfirmedError("nothing was changed")


@contextmanager
def progress_bar(title: str) -> Generator[Callable[[int, int], None] | None]:
    """Give what shows progress on a terminal, `(done, total)`; None where nobody looks."""
    if not is_terminal():
        yield None
        return
    from rich.progress import Progress  # noqa: PLC0415 - only for people

    with Progress(console=rich_console(err=True), transient=True) as bar:
        task = bar.add_task(safe_line(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 session`, `2 sessions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size_text(size: int) -> str:
    """Return a number of bytes for people: `812 B`, `3.4 kB`, `1.2 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004 - a thousand
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def console(*, err: bool = False) -> Output:
    """Return where people read."""
    return output(err=err)


def say(text: str) -> None:
    """Tell people something that is not data, on stderr."""
    typer.echo(f"insight: {text}", err=True)


def say_passed_over(names: Iterable[object]) -> None:
    """Name on stderr what was passed over because it is no file."""
    from .safe import safe_line  # noqa: PLC0415 - only where there is something to name

    for name in names:
        say(f"{safe_line(str(name))}; passed over")


def print_json(data: Any) -> None:
    """Print one JSON document; see `json_text`."""
    typer.echo(json_text(data, indent=2))


def json_text(data: Any, indent: int | None = None) -> str:
    """Return data as JSON; all that is not printable ASCII is escaped, whatever the encoding of the output."""
    return safe_json(json.dumps(data, indent=indent))


def styled(word: str, shown: str | None = None) -> Word:
    """Return an outcome, verdict or status in its colour.

    Args:
        word: it.
        shown: what to print instead of it.
    """
    return Word(safe_line(word if shown is None else shown), OUTCOME_STYLES.get(word, ""))


def utc_text(time_us: int) -> str:
    """Return microseconds since the epoch as ISO 8601 in UTC, for data."""
    return datetime.fromtimestamp(time_us / _SECOND_US, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def local_text(time_us: int) -> str:
    """Return microseconds since the epoch as local time to the second, for people."""
    moment = datetime.fromtimestamp(time_us // _SECOND_US, UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def duration_text(duration_us: int) -> str:
    """Return a duration for people: `12 ms`, `3.4 s`, `5 min 07 s`, `2 h 05 min`."""
    if duration_us < _SECOND_US:
        return f"{duration_us / 1000:.0f} ms" if duration_us >= 1000 else f"{duration_us / 1000:.1f} ms"  # noqa: PLR2004
    seconds = duration_us / _SECOND_US
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    if minutes < _MINUTE_S:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours} h {minutes:02d} min"


COUNT_ORDER = (*TERMINAL_ORDER, "crashed", "cut", "running")


def counts_text(counts: dict[str, int]) -> str:
    """Return counts in the order and words of pytest's last line: categories of other plugins follow its own."""
    others = (name for name in counts if name and name not in COUNT_ORDER)
    parts = [f"{counts[name]} {plural(counts[name], name)}" for name in (*COUNT_ORDER, *others) if counts.get(name)]
    return ", ".join(parts) or "no tests ran"


def plural(count: int, name: str) -> str:
    """Return the word as pytest writes it: `1 error`, `2 errors`, `1 warning`."""
    if name == "error" and count != 1:
        return "errors"
    return "warning" if name == "warnings" and count == 1 else name


def is_terminal() -> bool:
    """Tell whether stderr is a terminal, so that progress can be shown on it."""
    return sys.stderr.isatty()
