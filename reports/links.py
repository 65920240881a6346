"""Links of the names on a page, within the one page of a report."""

from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup

from .texts import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .known import PageFacts

_NOWHERE = Markup("")


class Links(Protocol):
    """Attributes and addresses of links, for the templates."""

    def test(self, nodeid: str) -> Markup:
        """Return the attributes of a link to a test; empty if there is nothing to lead to."""
        ...

    def session(self, name: str) -> Markup:
        """Return the attributes of a link to a session."""
        ...

    def page(self, name: str) -> str:
        """Return the address of a page."""
        ...

    def cluster(self, key: str) -> str:
        """Return the address of a kind of failure."""
        ...

    def row_id(self, nodeid: str) -> str:
        """Return the id of the row of a broken test; empty if no link leads there."""
        ...

    def command(self, text: str) -> str:
        """Return a command to copy, with the options that it needs to find these sessions."""
        ...


class FragmentLinks:
    """Links within the page of a report: to rows that are there, and numbers that its script makes links of.

    Args:
        known: what the page shows.
        numbers: of its tests.
    """

    def __init__(self, known: "PageFacts", numbers: "Mapping[str, int]") -> None:
        self._known, self._numbers = known, numbers

    def test(self, nodeid: str) -> Markup:
        """Return the attributes of a link to a test; empty if it is in none of the sessions."""
        number = self._numbers.get(nodeid)
        if number is None:
            return _NOWHERE
        row = Markup(' href="#t{}"').format(number) if self._known.is_broken_row(nodeid) else _NOWHERE
        return Markup(' data-t="{}"{}').format(number, row)

    def session(self, name: str) -> Markup:
        """Return the attributes of a link to a session."""
        return Markup(' href="#s-{}"').format(visible(name)) if self._known.has_session(name) else _NOWHERE

    def page(self, name: str) -> str:
        """Return the address of a page."""
        return f"#{name}"

    def cluster(self, key: str) -> str:
        """Return the address of a kind of failure."""
        return f"#c-{key}"

    def row_id(self, nodeid: str) -> str:
        """Return the id of the row of a broken test."""
        number = self._numbers.get(nodeid)
        return "" if number is None else f"t{number}"

    def command(self, text: str) -> str:
        """Return a command to copy as it is."""
        return text
