"""`--insight-sync`: this session and its xdist workers as workers of one test run.

The hooks drop short messages into a socket and wait for nothing; another process speaks with the service. Only at the
end its answer is waited for, for less than a second, to say in one line what went wrong.
"""

import platform
from typing import TYPE_CHECKING, Any

import pytest

from ..eventlog.plain import clean_text, type_name

if TYPE_CHECKING:
    from ..syncstorage.client.link import AgentLink
    from .recorder import Recorder

MAIN = "main"
_PLUGIN_NAME = "insight_sync"


def take_part(config: pytest.Config, recorder: "Recorder", port: int) -> None:
    """Start the helper process and register the hooks; whatever stands against it costs one line at the end."""
    try:
        from ..syncstorage.client.link import start_link  # noqa: PLC0415 - costs nothing until it is asked for

        link = start_link(clean_text(recorder.test_run)[0], recorder.session_id, port, platform.node())
    except Exception as error:  # noqa: BLE001 - the boundary: the run goes on without Sync Storage
        link = f"{type_name(error)}: {error}"
    config.pluginmanager.register(SyncHooks(recorder, link), _PLUGIN_NAME)


class SyncHooks:
    """Tells the helper process what the session does.

    Args:
        recorder: whose session it is.
        link: to the helper process, or why there is none.
    """

    def __init__(self, recorder: "Recorder", link: "AgentLink | str") -> None:
        self._recorder = recorder
        self._link = None if isinstance(link, str) else link
        self._trouble = link if isinstance(link, str) else ""
        self._tell("worker", MAIN, recorder.os_pid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say what runs."""
        self._tell("running", self._recorder.worker or MAIN, self._recorder.writer.redact_event.node_id(nodeid))

    def pytest_runtest_logfinish(self) -> None:
        """Say that nothing runs."""
        self._tell("running", self._recorder.worker or MAIN, "")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Say that an xdist worker is there."""
        self._tell("worker", *_worker_of(node))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Say that an xdist worker has ended, and how."""
        self._tell("lost" if error else "done", _worker_of(node)[0])

    def pytest_sessionfinish(self) -> None:
        """Say that it is over, and hear how it went."""
        self._trouble = self._tell("finish") or self._trouble

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say in one line what went wrong, if anything did."""
        if self._trouble:
            terminalreporter.write_line(f"insight: not in the test run: {self._trouble}", yellow=True)

    def pytest_unconfigure(self) -> None:
        """Let go of the helper process, also in a run that ended before it began."""
        self._tell("finish", 0.0)
        self._tell("close")

    def _tell(self, what: str, *words: Any) -> Any:
        if self._link is None:
            return None
        try:
            return getattr(self._link, what)(*words)
        except Exception as error:  # noqa: BLE001 - the boundary: the run goes on without Sync Storage
            self._link, self._trouble = None, f"{type_name(error)}: {error}"
            return None


def _worker_of(node: Any) -> tuple[str, int]:
    """Return the name of an xdist worker and its process id; 0 for one on another machine."""
    popen = getattr(getattr(node.gateway, "_io", None), "popen", None)
    return str(node.gateway.id), int(getattr(popen, "pid", 0))
