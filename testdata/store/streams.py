"""Names of the streams in the journal of test data, and events that several modules append."""

from ...eventlog.journal import Transaction
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import Resource
from ..model.values import Content
from .identity import current_test


def owner_stream(session: str) -> str:
    """Return the name of the stream of an owner."""
    return f"tdm/owner/{session}"


def namespace_stream(namespace: str) -> str:
    """Return the name of the stream of a namespace."""
    return f"tdm/ns/{namespace}"


def lock_stream(namespace: str, key: str) -> str:
    """Return the name of the stream of a lock."""
    return f"tdm/lock/{namespace}/{key}"


def append_version(
    tx: Transaction[TestDataState], session: str, resource: Resource, version: str, content: Content, token: int = 0
) -> None:
    """Append a new version of a resource."""
    event = ev.ResourceVersioned(
        namespace=resource.namespace,
        resource_id=resource.resource_id,
        session=session,
        version=version,
        content=content.digest,
        data=content.data,
        test=current_test(),
        token=token,
    )
    tx.append(namespace_stream(resource.namespace), event)
