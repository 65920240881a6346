"""Sessions of several systems under test."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from .session import TestSession


@dataclass
class SUTGroup:
    """All sessions of one system under test."""

    sut_name: str
    sessions: list[TestSession] = field(default_factory=list[TestSession])

    def add_session(self, session: TestSession) -> None:
        """Add a session."""
        self.sessions.append(session)


@dataclass
class TestHistory:
    """Sessions, grouped by system under test."""

    __test__: ClassVar[bool] = False

    sut_groups: dict[str, SUTGroup] = field(default_factory=dict[str, SUTGroup])

    @classmethod
    def of(cls, sessions: Iterable[TestSession]) -> "TestHistory":
        """Make the history of some sessions."""
        history = cls()
        for session in sessions:
            history.add_test_session(session)
        return history

    def add_test_session(self, session: TestSession) -> None:
        """Add a session to the group of its system under test."""
        self.sut_groups.setdefault(session.sut_name, SUTGroup(session.sut_name)).add_session(session)

    def get_sessions_for_sut(self, sut_name: str) -> list[TestSession]:
        """Return the sessions of a system under test; none if it is not known."""
        group = self.sut_groups.get(sut_name)
        return list(group.sessions) if group else []
