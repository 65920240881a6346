"""Pages that follow something that changes: its state, the answers about it, and who listens."""

from collections.abc import AsyncGenerator

from .live import LiveState
from .stream import Changes, event_stream
from .survey import Choice, HistoryReader, Survey


class FollowedPages:
    """State, answers and listeners.

    Args:
        reader: where answers are asked.
        choose: which sessions they are about.
    """

    def __init__(self, reader: HistoryReader, choose: Choice) -> None:
        self.state = LiveState()
        self.changes = Changes()
        self.survey = Survey(reader, choose, self._show_renewed)

    def take(self, state: LiveState) -> None:
        """Show another state from now on."""
        self.state = state
        self.survey.note_change(state.position)
        self.changes.announce()

    def _show_renewed(self) -> None:
        """Announce that there are newer answers about the same state."""
        self.state = self.state.renewed()
        self.survey.note_answers(self.state.position)
        self.changes.announce()

    def events(self, seen: str) -> AsyncGenerator[bytes]:
        """Yield server-sent events with the position, whenever it is another one than the listener has seen."""
        return event_stream(self.changes, lambda: self.state.position, seen)
