"""The option that shows the version."""

from typing import Annotated

import typer


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        typer.echo(f"pytest-insight {version('pytest-insight')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
