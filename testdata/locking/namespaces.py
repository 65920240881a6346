"""Namespaces: names under which ids of test data are unique."""

from collections.abc import Iterator

from ..model import events as ev
from ..model.fold import TestDataState
from ..model.values import check_name
from ..store.data_store import DataStore
from ..store.streams import namespace_stream


class Namespaces:
    """Namespaces of one store.

    Args:
        store: the store of the test data.
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store

    def create_namespace(self, namespace: str, worker_id: str | None = None) -> str:
        """Open a namespace and return its name: `namespace`, or `namespace_worker`.

        Raises:
            ValueError: the name is in use, empty or too long.
        """
        name = check_name(f"{namespace}_{worker_id}" if worker_id else namespace, "namespace")
        with self._store.transact() as tx:
            if name in tx.state.namespaces and is_in_use(tx.state, name):
                raise ValueError(f"namespace {name!r}: exists already; choose another name, or clean it first")
            tx.append(
                namespace_stream(name), ev.NamespaceOpened(namespace=name, session=self._store.session, context=True)
            )
        self._store.renewer.start(self._store.lease_s)
        return name

    def open_context(self, name: str | None) -> str:
        """Open an isolated context, under its name if that is free, else under a name with its owner."""
        label = check_name(name, "namespace") if name is not None else "context"
        with self._store.transact() as tx:
            chosen = next(
                each for each in self._candidates(label, named=name is not None) if not is_in_use(tx.state, each)
            )
            event = ev.NamespaceOpened(
                namespace=chosen, session=self._store.session, label=label if chosen != label else "", context=True
            )
            tx.append(namespace_stream(chosen), event)
        self._store.renewer.start(self._store.lease_s)
        return chosen

    def close_context(self, namespace: str) -> None:
        """Close a context."""
        with self._store.transact() as tx:
            if tx.state.namespace(namespace).context:
                event = ev.NamespaceClosed(namespace=namespace, session=self._store.session)
                tx.append(namespace_stream(namespace), event)

    def _candidates(self, label: str, *, named: bool) -> Iterator[str]:
        if named:
            yield label
        owner = self._store.owner
        # `--` is the separator and therefore escaped within the label: two labels never give one name.
        base = f"{label.replace('%', '%25').replace('--', '%2D%2D')}--{owner.session[:8]}-{owner.worker or 'main'}"
        number = 1
        while True:
            yield f"{base}-{number}"
            number += 1


def is_in_use(state: TestDataState, name: str) -> bool:
    """Return whether a namespace has an open context or live data."""
    space = state.namespaces.get(name)
    return space is not None and (space.context or bool(space.live))
