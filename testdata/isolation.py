"""Isolation of tests that run at the same time: namespaces, locks and conflicts behind one class."""

from .locking.conflicts import Conflicts
from .locking.locks import Locks
from .locking.namespaces import Namespaces

__all__ = ["IsolationManager"]


class IsolationManager(Namespaces, Locks, Conflicts):
    """Namespaces, named locks with fencing tokens, and recorded conflicts of one store.

    Args:
        store: the store of the test data.
    """
