"""The least that a place for sessions can do, and where the places of teams are found."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .views.session import TestSession

_COLLECTOR = "..collector.storages"
IN_COLLECTOR = frozenset({"DatabaseStorage", "RemoteStorage"})
"""Storages that need the client of a collector; they are loaded from there by their names, as drivers are."""


class StorageBackend(ABC):
    """A place for sessions."""

    @abstractmethod
    def save_session(self, test_session: "TestSession") -> None:
        """Keep a session."""

    @abstractmethod
    def load_sessions(self) -> "list[TestSession]":
        """Return all sessions."""


class RemoteStorageConfig:
    """Address of a collector.

    Args:
        url: of the collector.
        api_key: key to it; None takes INSIGHT_API_KEY, or the file that INSIGHT_API_KEY_FILE names.
        team_id: name of the team that the key has to belong to; the collector refuses requests with the key of another
            one. It never decides which team is meant.
    """

    def __init__(self, url: str, api_key: str | None = None, team_id: str | None = None) -> None:
        self.url = url
        self.api_key = api_key
        self.team_id = team_id

    def __repr__(self) -> str:
        return f"RemoteStorageConfig({self.url!r}, team_id={self.team_id!r})"


def load_backend(name: str) -> Any:
    """Return a class of `IN_COLLECTOR`."""
    return getattr(import_module(_COLLECTOR, __package__), name)
