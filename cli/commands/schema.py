"""`insight schema`: JSON Schema of what the commands print."""

from typing import Annotated

import typer

from ..formatters.data import print_json
from ..terminal.screen import console

_ALONE = "insight"
"""Name of what `insight` without a command prints."""


def complete_command(incomplete: str) -> list[str]:
    """Complete the words of a command that has a schema."""
    from ..shapes.table import OUTPUTS

    return sorted({name.split()[0] for name in OUTPUTS if name and name.startswith(incomplete)})


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", help="Words of a command.", autocompletion=complete_command),
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json; without a command, list those that have one.

    Example: insight schema session show
    """
    from ..shapes.base import schema_of
    from ..shapes.table import OUTPUTS

    shapes = {name or _ALONE: output.shape for name, output in OUTPUTS.items()}
    name = " ".join(words or ())
    if not name:
        for known in shapes:
            console().print(known)
    elif name not in shapes:
        raise _unknown_command(name, list(shapes))
    else:
        print_json(schema_of(shapes[name], "insight --json" if name == _ALONE else f"insight {name} --json"))


def _unknown_command(name: str, known: list[str]) -> ValueError:
    from ...api.internal.history import nearest_name

    within = [command for command in known if command.startswith(f"{name} ")]
    meant = within or [found for found in [nearest_name(name, known)] if found]
    hint = f"did you mean {' or '.join(meant)}?" if meant else "`insight schema` lists the commands that have one"
    return ValueError(f"no schema for {name!r}; {hint}")
