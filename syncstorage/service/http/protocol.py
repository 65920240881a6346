"""HTTP/1.1 with a time limit on the head of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["TimedProtocol"]


class TimedProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose client takes too long to send the head of a request."""

    request_s = 10.0
    """The time limit, in seconds."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the time limit."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.request_s, transport.close)

    def data_received(self, data: bytes) -> None:
        """Stop the time limit once a request has arrived; start it again for the next one."""
        super().data_received(data)
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._unset_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._unset_deadline()
        super().connection_lost(exc)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
