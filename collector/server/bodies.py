"""Bodies of requests, read within bounds of size, time and memory."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from fastapi import Request

from ..ingest.unpacking import unpacked_bound
from ..limits import RequestLimits
from ..problems import ProblemError

if TYPE_CHECKING:
    from .context import ServerContext


DROP_S: Final = 5.0
"""Seconds for which the rest of a body that is too large is read and dropped."""

DROP_BYTES: Final = 64 << 20


class BodyRoom:
    """Memory for the bodies of all requests of a process.

    Args:
        limits: of requests.
    """

    def __init__(self, limits: RequestLimits) -> None:
        self.received = 0
        """Bytes of bodies that were received and are still needed."""
        self._received_most = limits.received_bytes
        self._most = self._free = limits.working_bytes
        self._changed = asyncio.Condition()

    def add(self, count: int) -> None:
        """Count received bytes.

        Raises:
            ProblemError: all requests together have sent too many.
        """
        self.received += count
        if self.received > self._received_most:
            detail = "too many large bodies at once; repeat the request, nothing of it was stored"
            raise ProblemError("unavailable", detail, {"Retry-After": "2", "Connection": "close"})

    @asynccontextmanager
    async def work(self, unpacked: int) -> AsyncGenerator[None]:
        """Wait until there is room for the unpacked bytes of a body, and keep it."""
        wanted = min(unpacked, self._most)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            async with self._changed:
                self._free += wanted
                self._changed.notify_all()


@asynccontextmanager
async def received_body(request: Request, context: "ServerContext", most: int = 0) -> AsyncGenerator[bytes]:
    """Yield the body of a request as it was sent; there is room to unpack it while the context lasts.

    Args:
        request: with the body.
        context: of the server.
        most: bytes that this endpoint takes; 0 for those of the limits.

    Raises:
        ProblemError: it is too large or too slow, or there are too many at once.
    """
    limits, room = context.limits, context.room
    body = bytearray()
    try:
        await _read_into(body, request, room, limits, min(most or limits.body_bytes, limits.body_bytes))
        encoding = request.headers.get("content-encoding", "")
        async with room.work(unpacked_bound(len(body), encoding, limits)):
            yield bytes(body)
    finally:
        room.received -= len(body)


async def _read_into(body: bytearray, request: Request, room: BodyRoom, limits: RequestLimits, most: int) -> None:
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        announced = 0
    too_large, dropped = announced > most, 0
    try:
        async with asyncio.timeout(DROP_S if too_large else limits.body_s) as deadline:
            async for piece in request.stream():
                if too_large:
                    # Read on without keeping anything: a client that is cut off while it sends sees no answer.
                    dropped += len(piece)
                    if dropped > DROP_BYTES:
                        break
                    continue
                body += piece
                room.add(len(piece))
                too_large = len(body) > most
                if too_large:
                    deadline.reschedule(asyncio.get_running_loop().time() + DROP_S)
    except TimeoutError:
        if not too_large:
            raise _too_slow(limits) from None
    if too_large:
        raise _too_large(most)


def _too_slow(limits: RequestLimits) -> ProblemError:
    detail = f"body: not complete after {limits.body_s:g} s; send less at once"
    return ProblemError("slow-body", detail, {"Connection": "close"})


def _too_large(most: int) -> ProblemError:
    detail = f"body: more than {most} bytes; send it in several requests"
    return ProblemError("too-large", detail, {"Connection": "close"}, limit=most)
