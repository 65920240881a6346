"""Failures of a session by message: equal errors are printed once, with the tests that have them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...terminal.safe import safe, safe_line
from ..outcomes import styled
from ..values import counted, duration_text

if TYPE_CHECKING:
    from ....api import TestResult
    from ....api.internal.history import History, SessionRow
    from ...terminal.screen import Output

_BAD = ("failed", "error")
_SHOWN = 20
_SOURCE = re.compile(r"(?:async\s+def|def|class|@|with|async\s+with|for|if|try|lambda)\b|@")


class Failure(NamedTuple):
    """A result that went wrong."""

    result: "TestResult"
    text: str
    """Its traceback."""
    outputs: dict[str, str]
    """Captured texts by their names, without the empty ones."""


class FailureGroup(NamedTuple):
    """Failures that say the same."""

    message: str
    failures: list[Failure]


def failure_groups(model: "History", row: "SessionRow", results: "Sequence[TestResult]") -> list[FailureGroup]:
    """Return the failures of a session by their messages, in the order of the first of each.

    Args:
        model: where the session is.
        row: the session.
        results: of all its attempts, in order.
    """
    from ....api.internal.answers import message_of
    from ....api.internal.history import finished_event

    groups: dict[str, FailureGroup] = {}
    for result, attempt in zip(results, model.attempts(row.stream), strict=True):
        if result.outcome.to_str() not in _BAD:
            continue
        event = finished_event(model, attempt.position)
        message = message_of(event.longreprtext, event.cause)
        texts = {"stdout": event.capstdout, "stderr": event.capstderr, "log": event.caplog}
        failure = Failure(result, event.longreprtext, {name: text for name, text in texts.items() if text})
        key = message or f"\n{event.longreprtext}"
        groups.setdefault(key, FailureGroup(message, [])).failures.append(failure)
    return list(groups.values())


def print_group(out: "Output", group: FailureGroup, *, output: bool) -> None:
    """Print failures that say the same: each test, and the traceback of the first.

    Args:
        out: where to.
        group: them.
        output: also what each of them printed.
    """
    failures = group.failures
    if len(failures) > 1:
        out.print(f"{counted(len(failures), 'time')}: {safe_line(group.message)}", style="bold", soft_wrap=True)
    shown = failures if output else failures[:_SHOWN]
    for failure in shown:
        print_result(out, failure.result)
        if output:
            if failure is failures[0]:
                _print_text(out, restored_indentation(failure.text))
            for name, text in failure.outputs.items():
                out.print(f"    captured {name}:", style="dim")
                _print_text(out, text)
    if len(failures) > len(shown):
        out.print(f"... and {len(failures) - len(shown)} more; --results lists all tests")
    if not output:
        _print_text(out, restored_indentation(failures[0].text))
    out.print()


def print_result(out: "Output", result: "TestResult") -> None:
    """Print a line of a result: outcome, test, duration."""
    outcome = result.outcome.to_str()
    out.print(styled(outcome, outcome.upper().ljust(7)), safe_line(result.nodeid), end=" ", soft_wrap=True)
    out.print(duration_text(round(result.duration * 1e6)), style="dim")


def restored_indentation(text: str) -> str:
    """Return a traceback with the indentation of its first line, which pytest takes away with blank lines around it.

    The lines of source that pytest shows are set in by four characters. The first one is such a line if it begins a
    statement and the next one is set in further.
    """
    first, newline, rest = text.partition("\n")
    second = rest.partition("\n")[0]
    is_source = _SOURCE.match(first) is not None and second.startswith(("    ", ">   ", "E   "))
    return f"    {first}{newline}{rest}" if is_source else text


def _print_text(out: "Output", text: str) -> None:
    for line in safe(text).rstrip("\n").split("\n") if text else ():
        out.print(f"    {line}".rstrip(), soft_wrap=True)
