"""`insight schema`: JSON Schema of what the commands print."""

from typing import Annotated

import typer

from .common import console, print_json


def complete_command(incomplete: str) -> list[str]:
    """Complete the words of a command that has a schema."""
    from .shapes.table import OUTPUTS  # noqa: PLC0415 - commands import what they use

    return sorted({name.split()[0] for name in OUTPUTS if name.startswith(incomplete)})


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", help="Words of a command.", autocompletion=complete_command),
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json; without a command, list those that have one.

    Example: insight schema session show
    """
    from .shapes.base import schema_of  # noqa: PLC0415 - commands import what they use
    from .shapes.table import OUTPUTS  # noqa: PLC0415

    name = " ".join(words or ())
    if not name:
        for known in OUTPUTS:
            console().print(known)
        return
    if name not in OUTPUTS:
        raise _unknown(name, list(OUTPUTS))
    print_json(schema_of(OUTPUTS[name].shape, f"insight {name} --json"))


def _unknown(name: str, known: list[str]) -> ValueError:
    from difflib import get_close_matches  # noqa: PLC0415

    within = [command for command in known if command.startswith(f"{name} ")]
    meant = within or get_close_matches(name, known, n=1)
    hint = f"did you mean {' or '.join(meant)}?" if meant else "`insight schema` lists the commands that have one"
    return ValueError(f"no schema for {name!r}; {hint}")
