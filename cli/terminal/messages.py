"""Messages that are not data: questions, progress and notices on stderr."""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import typer

from .safe import safe_line
from .screen import rich_console


class NotConfirmedError(LookupError):
    """The user did not confirm."""


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
    """Yield a callback `(done, total)` that shows progress; None if stderr is no terminal."""
    if not is_terminal():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=rich_console(err=True), transient=True) as bar:
        task = bar.add_task(safe_line(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def say(text: str) -> None:
    """Print a message that is not data, on stderr."""
    typer.echo(f"insight: {text}", err=True)


def say_passed_over(names: Iterable[object]) -> None:
    """Name on stderr what was passed over because it is no file."""
    from .safe import safe_line

    for name in names:
        say(f"{safe_line(str(name))}; passed over")


def is_terminal() -> bool:
    """Return whether stderr is a terminal, so that progress can be shown on it."""
    return sys.stderr.isatty()
