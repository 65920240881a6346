"""Hints at the commands that lead on from an answer; only on a terminal."""

import os
import sys
from collections.abc import Sequence

import typer

HINTS = {
    ("session", "list"): "insight session show last    insight session compare",
    ("session", "show"): "insight session rerun    insight test show NAME",
    ("session", "compare"): "insight test show NAME",
    ("history", "list"): "insight session show ID",
    ("sut", "list"): "insight --sut NAME    insight sut show NAME",
    ("sut", "show"): "insight test show NAME    insight analytics failures",
    ("sut", "compare"): "insight test show NAME",
    ("sut", "analyze"): "insight test show NAME",
    ("test", "list"): "insight test show NAME",
    ("test", "show"): "insight test history NAME    insight test trends NAME",
    ("test", "history"): "insight session show ID",
    ("analytics", "summary"): "insight test show NAME    insight analytics failures",
    ("analytics", "analyze"): "insight test show NAME",
    ("analytics", "failures"): "insight test show NAME",
    ("analytics", "compare"): "insight test show NAME",
    ("profile", "list"): "insight --profile NAME    insight profile switch NAME",
}
"""Next commands, by the words of a command."""

_SILENT = ("--json", "--help", "-h")


def show_hint(arguments: Sequence[str]) -> None:
    """Print what may be asked next; only on a terminal, and not behind JSON or help.

    Args:
        arguments: of the command that has answered.
    """
    words = tuple(word for word in arguments if not word.startswith("-"))[:2]
    hint = HINTS.get(words)  # type: ignore[arg-type]  # one word or none is the key of nothing
    if hint is None or set(arguments) & set(_SILENT) or not sys.stdout.isatty() or not sys.stderr.isatty():
        return
    dim, normal = ("", "") if os.environ.get("NO_COLOR") else ("\x1b[2m", "\x1b[0m")
    typer.echo(f"{dim}next    {hint}{normal}", err=True)
