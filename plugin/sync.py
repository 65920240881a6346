"""`--insight-sync`: this session and its xdist workers as workers of one test run.

The hooks send short messages through a socket and do not wait; another process speaks with the service. Only the end of
the session waits for its answer, for less than a second, to show in one line what went wrong.
"""

import platform
from typing import TYPE_CHECKING, Any

import pytest

from ..eventlog.plain import clean_text, type_name
from .recording import Recording

if TYPE_CHECKING:
    from ..syncstorage.client.link import AgentLink

MAIN = "main"
_PLUGIN_NAME = "insight_sync"


def join_test_run(recording: Recording, port: int) -> None:
    """Start the helper process and register the hooks. A failure is one line at the end of the run.

    Args:
        recording: the session.
        port: of the Sync Storage service on this machine.
    """
    try:
        from ..syncstorage.client.link import start_link  # noqa: PLC0415 - costs nothing until it is asked for

        link = start_link(clean_text(recording.test_run)[0], recording.session_id, port, platform.node())
    except Exception as error:  # noqa: BLE001 - the boundary: the run goes on without Sync Storage
        link = f"{type_name(error)}: {error}"
    recording.config.pluginmanager.register(SyncHooks(recording, link), _PLUGIN_NAME)


class SyncHooks:
    """Hooks that report the session to the helper process.

    Args:
        recording: the session.
        link: connection to the helper process, or the reason why there is no connection.
    """

    def __init__(self, recording: Recording, link: "AgentLink | str") -> None:
        self._recording = recording
        self._link = None if isinstance(link, str) else link
        self._problem = link if isinstance(link, str) else ""
        self._send("worker", MAIN, recording.os_pid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report the test that a worker starts."""
        recording = self._recording
        self._send("running", recording.xdist.worker or MAIN, recording.writer.redact_event.node_id(nodeid))

    def pytest_runtest_logfinish(self) -> None:
        """Report that a worker runs no test."""
        self._send("running", self._recording.xdist.worker or MAIN, "")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Report a new xdist worker."""
        self._send("worker", *_worker_of(node))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Report that an xdist worker ended, normally or by a crash."""
        self._send("lost" if error else "done", _worker_of(node)[0])

    def pytest_sessionfinish(self) -> None:
        """Report the end of the session, and wait for the answer of the helper process."""
        self._problem = self._send("finish") or self._problem

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write one line about what went wrong, if anything did."""
        if self._problem:
            terminalreporter.write_line(f"insight: not in the test run: {self._problem}", yellow=True)

    def pytest_unconfigure(self) -> None:
        """Close the connection, also in a run that ended before it began."""
        self._send("finish", 0.0)
        self._send("close")

    def _send(self, method: str, *words: Any) -> Any:
        if self._link is None:
            return None
        try:
            return getattr(self._link, method)(*words)
        except Exception as error:  # noqa: BLE001 - the boundary: the run goes on without Sync Storage
            self._link, self._problem = None, f"{type_name(error)}: {error}"
            return None


def _worker_of(node: Any) -> tuple[str, int]:
    """Return the name of an xdist worker and its process id; 0 for one on another machine."""
    popen = getattr(getattr(node.gateway, "_io", None), "popen", None)
    return str(node.gateway.id), int(getattr(popen, "pid", 0))
