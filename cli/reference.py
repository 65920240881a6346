"""The command reference in docs/cli.md, made from the commands themselves.

`python -m pytest_insight.cli.reference docs/cli.md` rewrites the part between the marks; a test holds it current.
"""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from .main import NOUNS
from .session_notes import shown_table

BEGIN = "<!-- commands:"
END = "<!-- /commands -->"


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the words and the function of every command; no words for `insight` alone."""
    yield "", import_module(".overview", __package__).command
    for noun in NOUNS:
        module = import_module(f".{noun.module}", __package__)
        if not noun.group:
            yield noun.name, module.command
            continue
        for command in module.app.registered_commands:
            yield f"{noun.name} {command.name}", command.callback


def reference() -> str:
    """Return the Markdown text for all commands."""
    return "\n".join(_section(name, function) for name, function in commands())


def renewed(page: str) -> str:
    """Return `page` with the part between the marks made anew."""
    head, mark, rest = page.partition(BEGIN)
    comment, _, rest = rest.partition("\n")
    shown = f"## Where each event is shown\n\n{shown_table()}"
    return f"{head}{mark}{comment}\n\n{reference()}\n{shown}\n{END}{rest.partition(END)[2]}"


def _section(name: str, function: Any) -> str:
    text, _, example = (inspect.getdoc(function) or "").partition("Example: ")
    title = f"insight {name}".strip()
    lines = [f"### `{title}`", "", " ".join(text.split()), "", "```console", f"$ {example.strip()}", "```", ""]
    lines += ["| option | |", "|---|---|"]
    lines += [f"| {spelling} | {note} |" for spelling, note in _parameters(function)]
    return "\n".join([*lines, ""])


def _parameters(function: Any) -> Iterator[tuple[str, str]]:
    for name, hint in get_type_hints(function, include_extras=True).items():
        for info in get_args(hint)[1:]:
            if isinstance(info, typer.models.OptionInfo):
                # In an annotation the first spelling takes the place of the default.
                spellings = [flag for flag in (info.default, *(info.param_decls or ())) if isinstance(flag, str)]
                flags = ", ".join(f"`{flag}`" for flag in spellings or [f"--{name.replace('_', '-')}"])
                yield f"{flags} {info.metavar or ''}".strip(), _note(info)
            elif isinstance(info, typer.models.ArgumentInfo):
                yield f"`{info.metavar or name.upper()}`", _note(info)


def _note(info: Any) -> str:
    return str(info.help or "").replace("|", "\\|")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")
