"""The subject of pages: a log of this machine, or the sessions of a team on a collector."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from ..core.history.history import History
    from .live import LiveState
    from .survey import Survey

T = TypeVar("T")


@dataclass(frozen=True)
class Presentation:
    """How pages name what they come from."""

    maker: str
    """Command that serves them."""
    name: str
    """Of the log."""
    gone: str
    """Told by an open page that nothing keeps up to date any more."""
    refused: str
    """Told by a page whose reader may not look any more."""
    remote: str = ""
    """URL that commands to copy need; empty for a log of this machine."""
    account: str = ""
    """Team and key of the reader; empty where no login is needed."""

    @property
    def options(self) -> str:
        """Options that are written behind commands to copy."""
        return f" --remote {self.remote}" if self.remote else ""


class PageSubject(Protocol):
    """The log, or the sessions, that the pages of one request show."""

    @property
    def state(self) -> "LiveState":
        """The state of the log."""
        ...

    @property
    def survey(self) -> "Survey":
        """The answers."""
        ...

    @property
    def presentation(self) -> Presentation:
        """How pages name it."""
        ...

    def nothing_yet(self) -> list[str]:
        """Return what to do where nothing was recorded yet; an empty list if something was."""
        ...

    async def read(self, job: "Callable[[History], T]") -> T:
        """Return what is read of the history."""
        ...

    def events(self, seen: str) -> AsyncGenerator[bytes]:
        """Yield server-sent events with the position, whenever it is another one than the listener has seen."""
        ...
