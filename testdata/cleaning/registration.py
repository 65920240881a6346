"""Registered cleanups: the event, and the callbacks that only this process can call."""

import secrets
from collections.abc import Callable
from typing import Any

from ..model import events as ev
from .callbacks import Durable

callbacks: dict[str, Callable[[], Any]] = {}
"""Callbacks of this process by cleanup id. A forked child has them too, but as another owner it does not call them."""


def registration(
    namespace: str, resource_id: str, session: str, durable: Durable | None, callback: Any
) -> ev.CleanupRegistered:
    """Return the event that registers a cleanup; keep a callback in this process."""
    cleanup_id = f"cleanup_{secrets.token_hex(6)}"
    if durable is None:
        callbacks[cleanup_id] = callback
        return ev.CleanupRegistered(
            namespace=namespace, resource_id=resource_id, cleanup_id=cleanup_id, session=session
        )
    return ev.CleanupRegistered(
        namespace=namespace,
        resource_id=resource_id,
        cleanup_id=cleanup_id,
        session=session,
        target=durable.target,
        arguments=durable.arguments,
        import_root=durable.import_root,
    )
