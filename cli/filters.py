"""The filters that export, import and clear share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..core.history.selection import Selection

SutOption = Annotated[
    str | None, typer.Option("--sut", metavar="NAME", help="Only sessions of this system under test.")
]
DaysOption = Annotated[
    float | None, typer.Option("--days", metavar="N", help="Only sessions that started within so many days.")
]
OlderOption = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="Only sessions that started longer ago: 90d, 24h, 2w."),
]
FilterOption = Annotated[
    str | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="GLOB",
        help="Only sessions whose id, or one of whose tests, fits: a whole node id, or its part after the last `::`.",
    ),
]
KeepOption = Annotated[
    int | None,
    typer.Option("--keep-last", metavar="N", min=0, help="Leave out the newest so many of each system under test."),
]


def selection(
    sut: str | None, days: float | None, older_than: str | None, pattern: str | None, keep_last: int | None
) -> "Selection":
    """Return the filters as one value.

    Raises:
        ValueError: `older_than` is no length of time.
    """
    from ..core.history.selection import Selection, parse_age  # noqa: PLC0415 - commands import what they use

    age = parse_age(older_than) if older_than else None
    return Selection(sut=sut, days=days, older_than=age, pattern=pattern, keep_last=keep_last)
