"""Endpoints that answer as commands of `insight` do with `--json`: one table of paths, commands and parameters."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..problems import ProblemError


class QuestionPath(NamedTuple):
    """An endpoint and the command that answers it."""

    path: str
    command: tuple[str, ...]
    summary: str
    argument: str = ""
    """Parameter that the command takes as its argument."""
    options: tuple[str, ...] = ()
    """Parameters that the command takes as options of the same name."""
    flags: tuple[str, ...] = ()
    """Parameters without a value."""
    required: bool = False
    """Whether the argument has to be given."""


_SPAN = ("sut", "time", "as-of")
_SERIES = (*_SPAN, "branch", "variant")

QUESTIONS: Final = (
    QuestionPath("/session-list", ("session", "list"), "Sessions, the newest first, with their counts.",
                 options=("sut", "run", "as-of"), flags=("all",)),
    QuestionPath("/sessions/{session}", ("session", "show"), "One session with its tests.", "session",
                 ("time", "as-of"), required=True),
    QuestionPath("/suts", ("sut", "list"), "Systems under test.", options=("as-of",)),
    QuestionPath("/tests", ("test", "list"), "Tests with their runs and failures.", "pattern",
                 (*_SERIES, "days"), ("all",)),
    QuestionPath("/tests/show", ("test", "show"), "What is known of one test.", "nodeid", _SERIES, required=True),
    QuestionPath("/tests/history", ("test", "history"), "Every run of one test.", "nodeid", _SERIES, ("all",),
                 required=True),
    QuestionPath("/tests/trends", ("test", "trends"), "Verdicts and durations of one test.", "nodeid", _SERIES,
                 required=True),
    QuestionPath("/summary", ("analytics", "summary"), "Figures of a span of time.", options=(*_SERIES, "days")),
    QuestionPath("/analysis", ("analytics", "analyze"), "All questions of the analysis, or one metric.",
                 options=(*_SERIES, "days", "metric")),
    QuestionPath("/flaky", ("analytics", "analyze", "--metric=flaky"), "Flaky tests with their evidence.",
                 options=(*_SERIES, "days")),
    QuestionPath("/failures", ("analytics", "failures"), "Failures by what they say.",
                 options=(*_SERIES, "days", "nodeid")),
    QuestionPath("/compare", ("analytics", "compare"), "Two sessions, branches, commits or spans compared.",
                 options=("base", "target", "mode", "time", "sut", "as-of")),
)  # fmt: skip
"""All questions. What is not listed here cannot be passed to a command: no path of a file, no profile."""


_SWITCH: Final = {"": True, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


SWITCH_PATTERN: Final = "^([01]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo])?$"
"""The same values, in any case, for the description of the endpoints."""


def _is_set(name: str, value: str) -> bool:
    if value.lower() not in _SWITCH:
        raise ProblemError("bad-request", f"{name}: has to be true or false")
    return _SWITCH[value.lower()]


def arguments_of(question: QuestionPath, parameters: Iterable[tuple[str, str]]) -> list[str]:
    """Return the arguments of the command for the parameters of a request.

    Raises:
        ProblemError: a parameter is unknown or missing.
    """
    options: list[str] = []
    argument: list[str] = []
    for name, value in parameters:
        if name and name == question.argument:
            argument = [value]
        elif name in question.options:
            options.append(f"--{name}={value}")
        elif name in question.flags:
            options += [f"--{name}"] if _is_set(name, value) else []
        else:
            known = ", ".join(filter(None, (question.argument, *question.options, *question.flags)))
            raise ProblemError("bad-request", f"{name}: no such parameter; there are {known}")
    if question.required and not argument:
        raise ProblemError("bad-request", f"{question.argument}: missing")
    return [*question.command, *options, *(["--", *argument] if argument else [])]
