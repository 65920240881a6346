"""Positions of events in the tables: the number of the session, and the sequence number of the event in it."""

from typing import Final

SEQ_BITS: Final = 24
"""With these, positions of half a billion sessions are numbers that JavaScript reads as they are."""

_SEQ: Final = (1 << SEQ_BITS) - 1


class PositionError(ValueError):
    """An event has a sequence number that no position can hold."""


def first_position(session: int) -> int:
    """Return the position of the first event of a session."""
    return session << SEQ_BITS


def session_at(position: int) -> int:
    """Return the number of the session of an event."""
    return position >> SEQ_BITS


def seq_at(position: int) -> int:
    """Return the sequence number of an event."""
    return position & _SEQ


def check_seq(seq: int) -> None:
    """Check that a sequence number fits into a position.

    Raises:
        PositionError: it does not.
    """
    if seq > _SEQ:
        raise PositionError(f"event {seq}: a session has {_SEQ + 1} events at most in the tables")
