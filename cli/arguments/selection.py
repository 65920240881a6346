"""The filters that export, import and clear share, as one value."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...api.internal.history import Selection


def selection(
    sut: str | None, days: float | None, older_than: str | None, pattern: str | None, keep_last: int | None
) -> "Selection":
    """Return the filters as one value.

    Raises:
        ValueError: `older_than` is no length of time.
    """
    from ...api.internal.history import Selection, parse_age

    age = parse_age(older_than) if older_than else None
    return Selection(sut=sut, days=days, older_than=age, pattern=pattern, keep_last=keep_last)
