"""Commands that pass arguments on to pytest: those behind `--`, and no option before it."""

from typing import Any

import typer
from typer.core import TyperCommand

_KEY = "pytest_insight.arguments"
_USAGE_ERROR: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError")
"""Some releases of Typer have Click inside, others import it."""


class PassingCommand(TyperCommand):
    """A command whose arguments behind `--` are for pytest; an option before it that is unknown is an error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what is behind the first `--`, and parse the rest."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_KEY] = args[place + 1 :]
        try:
            return super().parse_args(ctx, args[:place])
        except _USAGE_ERROR as error:
            if type(error).__name__ == "NoSuchOption":
                error.message = f"{error.message} Options of pytest go behind `--`."
            raise


def passed_on(ctx: Any) -> list[str]:
    """Return the arguments for pytest."""
    return list(ctx.meta.get(_KEY, ()))
