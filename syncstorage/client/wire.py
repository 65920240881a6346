"""One request to a Sync Storage service and its answer; no call exceeds its timeout.

Each request uses a connection of its own: the service may be restarted between two requests, and requests are rare.
"""

import json
import socket
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from time import monotonic
from typing import Any, cast

HEALTH_TIMEOUT_S = 2.0
CALL_TIMEOUT_S = 2.0

_ANSWER_BYTES_MAX = 16 << 20
_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_now = monotonic  # tests may replace clocks
_socket = socket.socket


class ServiceError(Exception):
    """Base of the errors of a request.

    ServiceError
    |-- ServiceDownError         nothing listens on the port
    |-- ServiceSlowError         no answer in time
    |   `-- ServicePausedError   not sent, since an earlier request had no answer
    `-- AnswerError              an answer outside the protocol: another program, or a refusal
    """


class ServiceDownError(ServiceError):
    """Nothing listens on the port."""


class ServiceSlowError(ServiceError):
    """No answer arrived in time."""


class ServicePausedError(ServiceSlowError):
    """The request was not sent, since an earlier one had no answer."""


class AnswerError(ServiceError):
    """The answer does not follow the protocol."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
        """HTTP status; 0 if the answer was not HTTP."""


def call(
    port: int, method: str, path: str, body: dict[str, Any] | None = None, *, timeout_s: float = CALL_TIMEOUT_S
) -> dict[str, Any]:
    """Send one request and return the JSON object of its answer.

    Args:
        port: port of the service on this machine.
        method: `GET` or `POST`.
        path: path with the query.
        body: sent as JSON; None for no body.
        timeout_s: total time limit, in seconds.

    Raises:
        ServiceDownError, ServiceSlowError, AnswerError: as these classes describe.
    """
    deadline = _now() + timeout_s
    try:
        with _connect(port, deadline) as connection:
            answer = _exchange(connection, _request(port, method, path, body), deadline)
    except TimeoutError as error:
        raise ServiceSlowError(f"port {port}: no answer within {timeout_s:g} s") from error
    except OSError as error:
        raise AnswerError(f"port {port}: the connection was closed: {error.strerror or error}") from error
    return _content(answer, port, path.partition("?")[0])


def _request(port: int, method: str, path: str, body: dict[str, Any] | None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", "Accept: application/json", "Connection: close"]
    content = b""
    if body is not None:
        content = json.dumps(body).encode("ascii")
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content


def _exchange(connection: socket.socket, request: bytes, deadline: float) -> bytes:
    connection.settimeout(_seconds_left(deadline))
    connection.sendall(request)
    answer = bytearray()
    while len(answer) < _ANSWER_BYTES_MAX:
        connection.settimeout(_seconds_left(deadline))
        part = connection.recv(1 << 16)
        if not part:
            break
        answer += part
    return bytes(answer)


def _connect(port: int, deadline: float) -> socket.socket:
    """Connect to the loopback addresses without a look-up of `localhost`, which takes seconds on some machines."""
    problem: OSError | None = None
    for family, address in _ADDRESSES:
        connection = _socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_seconds_left(deadline))
            connection.connect((address, port))
            return connection
        except OSError as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise
            problem = problem or error
    raise ServiceDownError(f"port {port}: no service: {problem.strerror if problem else 'no address'}") from problem


def _seconds_left(deadline: float) -> float:
    left = deadline - _now()
    if left <= 0:
        raise TimeoutError
    return left


class _Received:
    """Connection for HTTPResponse that contains the received bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> BytesIO:
        return BytesIO(self._data)


def _content(answer: bytes, port: int, path: str) -> dict[str, Any]:
    response = HTTPResponse(_Received(answer))  # type: ignore[arg-type]
    try:
        response.begin()
        content = response.read()
    except (HTTPException, ValueError, OSError) as error:
        raise AnswerError(f"port {port}: the answer is not HTTP ({type(error).__name__})") from error
    if not 200 <= response.status < 300:  # noqa: PLR2004 - what HTTP calls success
        raise AnswerError(f"{path} was refused with {response.status}", response.status)
    try:
        data = json.loads(content)
    except ValueError as error:
        raise AnswerError(f"the answer to {path} is not JSON", response.status) from error
    if not isinstance(data, dict):
        raise AnswerError(f"the answer to {path} is not a JSON object", response.status)
    return cast("dict[str, Any]", data)
