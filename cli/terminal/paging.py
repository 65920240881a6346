"""Pager for output that is longer than the terminal, as git uses it."""

import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

_current: "ContextVar[Console | None]" = ContextVar("console", default=None)


def pages(command: Callable[P, R]) -> Callable[P, R]:
    """Let what a command prints to its console go through the pager, if it is longer than the terminal."""

    @wraps(command)
    def paged_command(*args: P.args, **kwargs: P.kwargs) -> R:
        with _collect_pages():
            return command(*args, **kwargs)

    return paged_command


def current() -> "Console | None":
    """Return the console whose output is collected for the pager, if there is one."""
    return _current.get()


def write(text: str) -> None:
    """Print a text as it is: no wrapping, control characters and all."""
    collected = _current.get()
    stream = sys.stdout if collected is None else collected.file
    stream.write(text)


@contextmanager
def _collect_pages() -> Generator[None]:
    if not sys.stdout.isatty() or _current.get() is not None:
        yield
        return
    from rich.console import Console

    screen = Console()
    collected = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=screen.width,
        color_system=screen.color_system,  # type: ignore[arg-type]  # its own name of what it found
        no_color=screen.no_color,
        markup=False,
        highlight=False,
        emoji=False,
    )
    token = _current.set(collected)
    try:
        yield
    finally:
        _current.reset(token)
        show(collected.file.getvalue(), screen.height)  # type: ignore[attr-defined]


def show(text: str, height: int) -> None:
    """Print a text, through `$PAGER` (or less) if it has more lines than the terminal."""
    pager = os.environ.get("PAGER", "less")
    words = shlex.split(pager)
    if text.count("\n") < height or not words or shutil.which(words[0]) is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # As git has it: quit if it fits on one screen, keep colours, and leave what was shown on the screen.
    environment = {"LESS": "FRX", **os.environ}
    process = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment, text=True, encoding="utf-8")
    try:
        process.communicate(text)
    except KeyboardInterrupt:
        process.wait()  # it is the pager's to say what Ctrl-C does
