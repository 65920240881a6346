"""The command reference in docs/cli.md, made from the commands themselves.

`python docs/tools/cli_reference.py docs/cli.md` rewrites the part between the marks; a test holds it current.
"""

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple, get_args, get_type_hints

import typer
from page_part import replace_part, update_page
from pytest_insight.cli.app import NOUNS, group_of
from pytest_insight.cli.formatters.sessions.session_notes import shown_table
from pytest_insight.cli.options import read_remotes


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the words and the function of every command; no words for `insight` alone."""
    yield "", read_remotes("", import_module("pytest_insight.cli.commands.overview").command)
    for noun in NOUNS:
        module = import_module(f"pytest_insight.cli.commands.{noun.module}")
        if not noun.group:
            yield noun.name, read_remotes(noun.name, module.command)
            continue
        for command in group_of(noun).registered_commands:
            yield f"{noun.name} {command.name}", command.callback


COMMON_FROM = 8
"""Commands from which on an option with one meaning is described once for all of them."""


class Parameter(NamedTuple):
    """An option or an argument of a command, as the tables have it."""

    spelling: str
    note: str
    is_option: bool


def reference() -> str:
    """Return the Markdown text for all commands: a table of them, one of common options, and a section for each."""
    known = {name: (function, list(_parameters(function))) for name, function in commands()}
    uses = Counter(parameter for _, parameters in known.values() for parameter in parameters if parameter.is_option)
    common = [parameter for parameter, count in uses.items() if count >= COMMON_FROM]
    purposes = [(f"[`{_title(name)}`](#{_anchor(name)})", _purpose(function)) for name, (function, _) in known.items()]
    parts = [
        _table("command", purposes),
        "### Common options\n",
        _table("option", [(each.spelling, each.note) for each in common]),
        *(_section(name, function, parameters, common) for name, (function, parameters) in known.items()),
    ]
    return "\n".join(parts)


def _table(first: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {left} | {right} |" for left, right in rows]
    return "\n".join([f"| {first} | |", "|---|---|", *lines, ""])


def _title(name: str) -> str:
    return f"insight {name}".strip()


def _anchor(name: str) -> str:
    return _title(name).replace(" ", "-")


def _text_of(function: Any) -> tuple[str, str]:
    """Return the description of a command, and its example."""
    text, _, example = (inspect.getdoc(function) or "").partition("Example: ")
    return " ".join(text.split()), example.strip()


def _purpose(function: Any) -> str:
    """Return the first sentence about a command, or its beginning up to a colon or semicolon."""
    text, _ = _text_of(function)
    first = text.partition(". ")[0].removesuffix(".")
    return re.split(r"[:;] ", first)[0].replace("|", "\\|") + "."


def renewed(page: str) -> str:
    """Return `page` with its command reference generated again."""
    return replace_part(page, "commands", f"{reference()}\n## Where each event is shown\n\n{shown_table()}")


def _section(name: str, function: Any, parameters: list[Parameter], common: list[Parameter]) -> str:
    text, example = _text_of(function)
    lines = [f"### `{_title(name)}`", "", text, "", "```console", f"$ {example}", "```", ""]
    own = [(each.spelling, each.note) for each in parameters if each not in common]
    shared = [each.spelling.partition("`")[2].partition("`")[0] for each in parameters if each in common]
    lines += [_table("argument or option", own)] if own else []
    lines += [f"Common options: {', '.join(f'`{flag}`' for flag in shared)}.", ""] if shared else []
    return "\n".join(lines)


def _parameters(function: Any) -> Iterator[Parameter]:
    for name, hint in get_type_hints(function, include_extras=True).items():
        for info in get_args(hint)[1:]:
            if isinstance(info, typer.models.OptionInfo):
                # In an annotation the first spelling takes the place of the default.
                spellings = [flag for flag in (info.default, *(info.param_decls or ())) if isinstance(flag, str)]
                flags = ", ".join(f"`{flag}`" for flag in spellings or [f"--{name.replace('_', '-')}"])
                yield Parameter(f"{flags} {_escape(info.metavar)}".strip(), _note(info), is_option=True)
            elif isinstance(info, typer.models.ArgumentInfo):
                yield Parameter(f"`{_escape(info.metavar or name.upper())}`", _note(info), is_option=False)


def _escape(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _note(info: Any) -> str:
    return _escape(str(info.help or ""))


if __name__ == "__main__":
    update_page(renewed)
