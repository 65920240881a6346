"""Requests of other programs to a service, running or not: its state, and a request to end."""

import http.client
import urllib.error
import urllib.request
from typing import Any, cast
from urllib.parse import urlencode

import msgspec

from ..eventlog.codec import EventDecoder
from ..eventlog.journal import fold_journal
from .paths import journal_path
from .service.events import SYNC_EVENTS
from .service.report import SERVICE_NAME, recorded_report
from .service.state import SyncState

__all__ = ["NoServiceError", "ask_to_end", "is_running", "report"]

TIMEOUT_S = 5.0


class NoServiceError(LookupError):
    """No Sync Storage service runs on the port, or another program has it; the message gives the details."""


def report(port: int, test_run: str | None = None) -> dict[str, Any]:
    """Return the state of the service on a port; if none runs, the state in its journal.

    Args:
        port: port of the service.
        test_run: only this test run; None for all.

    Raises:
        NoServiceError: there is no service and no journal, or another program has the port.
        LogUnavailableError: the journal cannot be read.
    """
    query = "" if test_run is None else "?" + urlencode({"testRunId": test_run})
    found = _get(port, f"/status{query}")
    if found is not None:
        return found
    path = journal_path(port)
    if not path.exists():
        raise NoServiceError(
            f"port {port}: no service, and no journal of one; start it with `insight sync-storage serve`"
        )
    state, findings = fold_journal(path, EventDecoder(SYNC_EVENTS), SyncState())
    return recorded_report(state, test_run) | {"port": port, "damaged": len(findings)}


def is_running(port: int) -> bool:
    """Return whether a Sync Storage service listens on a port.

    Raises:
        NoServiceError: another program has the port.
    """
    return _get(port, "/status?testRunId=") is not None


def ask_to_end(port: int) -> None:
    """Ask the service on a port to end.

    Raises:
        NoServiceError: no service runs on the port.
    """
    if not is_running(port):
        raise NoServiceError(f"port {port}: no service runs there")
    _request(port, "/shutdown", b"")


def _get(port: int, path: str) -> dict[str, Any] | None:
    """Return the answer of the service; None if nothing listens."""
    try:
        answer: Any = msgspec.json.decode(_request(port, path))
    except urllib.error.HTTPError as error:
        answer = {"status": error.code}
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
        return None
    except (msgspec.DecodeError, TimeoutError):
        answer = {}
    found = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if found.get("service") != SERVICE_NAME:
        raise NoServiceError(f"port {port}: another program listens there; choose another port")
    return found


def _request(port: int, path: str, data: bytes | None = None) -> bytes:
    # No proxies: the service is on this machine, also if the environment names a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://localhost:{port}{path}", data=data, timeout=TIMEOUT_S) as response:
        return response.read()
