"""Bodies of requests, and their checks."""

import msgspec

from ...sinks import Connection
from ..events import CutAccepted, WorkerRegistered
from ..rules import STATUSES

__all__ = ["NAME_LENGTH_MAX", "BadRequestError", "CutBody", "KeepAliveBody", "RegisterBody", "StatusBody", "decode"]

NAME_LENGTH_MAX = 4096
"""Maximum length of a pid, a test run id and other names, in characters; an event must fit into a line of the journal.
"""
PROCESS_ID_MAX = 2**31 - 1
TEXT_LENGTH_MAX = 32_768
"""Maximum length of a text in a result, in characters."""


class BadRequestError(ValueError):
    """A request is invalid; the message gives the reason."""


class WorkerBody(msgspec.Struct, rename="camel", kw_only=True):
    """Fields of every message of a worker."""

    pid: str
    test_run_id: str | None = None
    """Missing in status messages of older clients."""

    def __post_init__(self) -> None:
        if not self.pid:
            raise ValueError("pid is empty")
        _check_lengths(self, NAME_LENGTH_MAX)


class RegisterBody(WorkerBody, rename="camel", kw_only=True):
    """POST /register; only clients of pytest-insight send the last four fields."""

    base_url: str | None = None
    private_token: str | None = None
    worker: str | None = None
    session_id: str | None = None
    host: str | None = None
    os_pid: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.os_pid is not None and not 0 <= self.os_pid <= PROCESS_ID_MAX:
            raise ValueError("osPid is not the id of a process")

    def event(self, test_run: str, peer_port: int, process: int) -> WorkerRegistered:
        """Return the event of the registration, without the URL and the token.

        Args:
            test_run: the test run.
            peer_port: port of the client's connection.
            process: process id that the system gives for that port; 0 if unknown. It is used if the client sends no
                process id. Clients of pytest-insight send it, since one process reports for all workers of a session.
        """
        return WorkerRegistered(
            test_run=test_run,
            pid=self.pid,
            peer_port=peer_port,
            worker=self.worker or "",
            session_id=self.session_id or "",
            host=self.host or "",
            os_pid=process if self.os_pid is None else self.os_pid,
        )

    def connection(self) -> Connection:
        """Return the URL and the token, to be kept in memory."""
        return Connection(self.base_url or "", self.private_token or "")


class StatusBody(WorkerBody, rename="camel", kw_only=True):
    """POST /set_worker_status."""

    status: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.status not in STATUSES:
            raise ValueError(f"status is one of {', '.join(sorted(STATUSES))}")


class KeepAliveBody(WorkerBody, rename="camel", kw_only=True):
    """POST /keep_alive; only clients of pytest-insight send `running`."""

    running: str | None = None


class CutBody(msgspec.Struct, rename="camel", kw_only=True):
    """POST /in_progress_test_result; unknown fields are ignored."""

    auto_test_external_id: str
    project_id: str | None = None
    status_code: str | None = None
    status_type: str | None = None
    started_on: str | None = None

    def __post_init__(self) -> None:
        if not self.auto_test_external_id:
            raise ValueError("autoTestExternalId is empty")
        _check_lengths(self, TEXT_LENGTH_MAX)

    def event(self, test_run: str) -> CutAccepted:
        """Return the event of the result."""
        return CutAccepted(
            test_run=test_run,
            external_id=self.auto_test_external_id,
            status_code=self.status_code or "",
            status_type=self.status_type or "",
            project_id=self.project_id or "",
            started_on=self.started_on or "",
        )


Body = RegisterBody | StatusBody | KeepAliveBody | CutBody


def _check_lengths(body: "WorkerBody | CutBody", limit: int) -> None:
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, str) and len(value) > limit:
            raise ValueError(f"{name} is longer than {limit} characters")


_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in (RegisterBody, StatusBody, KeepAliveBody, CutBody)}


def decode(data: bytes, kind: type[Body]) -> Body:
    """Return the body of a request.

    Raises:
        BadRequestError: the body is not a JSON object, or a field is missing or wrong.
    """
    try:
        return _DECODERS[kind].decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"body: {error}") from error
