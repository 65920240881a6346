"""Addresses of the pages: each can be shared and opened again."""

from collections.abc import Mapping
from urllib.parse import urlencode

from markupsafe import Markup

from ..reports.texts import visible

PAGES = ("overview", "tests", "failures", "flaky", "slow", "sessions", "compare", "systems")
"""Pages that the navigation names, in order."""


class PageLinks:
    """Links from one page to others, which keep the system that it is about.

    Args:
        sut: the system that the address names; empty for that of the project.
        options: written behind commands of `insight`.
    """

    def __init__(self, sut: str, options: str = "") -> None:
        self._options = options
        self._kept = {"sut": sut} if sut else {}

    def address(self, path: str, **query: str) -> str:
        """Return an address; parts of its query that are empty are left out."""
        words = {name: value for name, value in query.items() if value} | self._kept
        return f"{path}?{_encode(words)}" if words else path

    def test(self, nodeid: str) -> Markup:
        """Return the attributes of a link to a test."""
        return _link(self.address("/test", id=visible(nodeid)))

    def session(self, name: str) -> Markup:
        """Return the attributes of a link to a session."""
        return _link(self.address("/session", id=visible(name)))

    def page(self, name: str) -> str:
        """Return the address of a page."""
        return self.address("/" if name == "overview" else f"/{name}")

    def cluster(self, key: str) -> str:
        """Return the address of a kind of failure."""
        return f"{self.page('failures')}#c-{key}"

    def row_id(self, nodeid: str) -> str:
        """Return an empty text: each test has a page, so that no link leads to its row."""
        del nodeid
        return ""

    def system(self, name: str) -> str:
        """Return the address of the overview of a system."""
        return f"/?{_encode({'sut': visible(name)})}"

    def comparison(self, base: str, target: str) -> str:
        """Return the address of a comparison of two sessions."""
        return self.address("/compare", base=visible(base), target=visible(target))

    def command(self, text: str) -> str:
        """Return a command to copy, with the options that it needs to find these sessions."""
        return text + self._options if text.startswith("insight ") else text

    @property
    def kept(self) -> dict[str, str]:
        """Parts of the query that a form sends along."""
        return dict(self._kept)


def _link(address: str) -> Markup:
    return Markup(' href="{}"').format(address)


def _encode(words: Mapping[str, str]) -> str:
    return urlencode(words, errors="backslashreplace")
