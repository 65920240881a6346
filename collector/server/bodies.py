"""Bodies of requests, read within bounds of size and time."""

import asyncio

from fastapi import Request

from ..limits import RequestLimits
from ..problems import ProblemError


async def read_body(request: Request, limits: RequestLimits) -> bytes:
    """Return the body of a request as it was sent.

    Raises:
        ProblemError: it is too large or too slow.
    """
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        announced = 0
    if announced > limits.body_bytes:
        raise _too_large(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.body_bytes:
                    raise _too_large(limits)
    except TimeoutError:
        raise ProblemError(
            "slow-body", f"body: not complete after {limits.body_s:g} s; send less at once", {"Connection": "close"}
        ) from None
    return bytes(body)


def _too_large(limits: RequestLimits) -> ProblemError:
    detail = f"body: more than {limits.body_bytes} bytes; send it in several requests"
    return ProblemError("too-large", detail, {"Connection": "close"}, limit=limits.body_bytes)
