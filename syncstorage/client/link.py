"""Link between pytest and the *agent*, the process that speaks with the service.

The process that runs the tests has no thread for Sync Storage (a test that forks would get a warning), no connection,
no child process, and does not wait. It holds one end of a socket pair and sends short messages through it. Messages
that do not fit are dropped; the rest is the work of the agent.
"""

import json
import os
import select
import socket
import subprocess
import sys
from time import monotonic
from typing import Any

from .launch import spawn, start_mark

FINISH_TIMEOUT_S = 0.8
MESSAGE_BYTES_MAX = 16 * 1024
NAME_CHARS_MAX = 2000

_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_HELD_MAX = 10_000
# Tests replace clocks and system functions; these are the original ones.
_now, _getpid, _fstat = monotonic, os.getpid, os.fstat
_poll = select.poll


class AgentLink:
    """Connection to an agent, which it starts.

    Args:
        test_run_id: the test run that the session belongs to.
        session_id: the session.
        port: port of the service on this machine.
        host: name of this machine.

    Raises:
        OSError, subprocess.SubprocessError: the agent cannot be started.
    """

    def __init__(self, test_run_id: str, session_id: str, port: int, host: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = _getpid()
            command = [sys.executable, "-P", "-m", f"{__package__}.agent"]
            command += [str(theirs.fileno()), str(pid), start_mark(pid)]
            spawn(command, pass_fds=(theirs.fileno(),))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._socket = ours
        self._identity = _identity(ours.fileno())
        self._pid = pid
        self._held: list[bytes] = []
        self._broken = False
        self._finished = False
        self._tell(op="hello", run=test_run_id, session=session_id, port=port, host=host)

    def worker(self, worker: str, os_pid: int) -> None:
        """Report a worker: `main`, or an xdist worker."""
        self._tell(op="worker", worker=worker, os_pid=os_pid)

    def running(self, worker: str, nodeid: str) -> None:
        """Report the test that a worker runs; empty for no test. The message may be dropped if there are many."""
        self._send(_message({"op": "running", "worker": worker, "nodeid": nodeid[:NAME_CHARS_MAX]}), keep=False)

    def done(self, worker: str) -> None:
        """Report that a worker ended normally."""
        self._tell(op="done", worker=worker)

    def lost(self, worker: str) -> None:
        """Report that a worker crashed."""
        self._tell(op="lost", worker=worker)

    def finish(self, timeout_s: float = FINISH_TIMEOUT_S) -> str:
        """Report the end of the session and of all its workers.

        Args:
            timeout_s: how long to wait for an answer, in seconds.

        Returns:
            text of the problem; empty if there was none.
        """
        if _getpid() != self._pid or self._finished:
            return ""
        self._finished = True
        deadline = _now() + timeout_s
        self._tell(op="finish")
        while self._held and not self._broken and _now() < deadline:
            self._wait(select.POLLOUT, deadline)
            self._send_held()
        if self._broken:
            return "the helper process ended before the run"
        return self._answer(deadline)

    def close(self) -> None:
        """Close the connection. If the end of the session was not reported, the agent treats its workers as lost."""
        if self._is_ours():
            self._socket.close()
        else:
            self._socket.detach()
        self._broken = True

    def _answer(self, deadline: float) -> str:
        if not self._wait(select.POLLIN, deadline):
            return "the helper process did not answer in time"
        try:
            answer: dict[str, Any] = json.loads(self._socket.recv(MESSAGE_BYTES_MAX, _FLAGS) or b"{}")
        except (OSError, ValueError):
            answer = {}
        return str(answer.get("problem", "the helper process ended before the run"))

    def _wait(self, event: int, deadline: float) -> bool:
        poll = _poll()
        poll.register(self._socket.fileno(), event)
        return bool(poll.poll(max(deadline - _now(), 0) * 1000))

    def _tell(self, **fields: Any) -> None:
        self._send(_message(fields), keep=True)

    def _send(self, message: bytes, *, keep: bool) -> None:
        """Send a message without waiting. With `keep` it is kept until there is room."""
        if self._broken or not self._is_ours():
            self._broken = True
            return
        if keep:
            self._held.append(message)
        self._send_held()
        if not keep and not self._held and not self._broken:
            self._try(message)

    def _send_held(self) -> None:
        while self._held and not self._broken and self._try(self._held[0]):
            self._held.pop(0)
        self._broken = self._broken or len(self._held) > _HELD_MAX

    def _try(self, message: bytes) -> bool:
        try:
            self._socket.send(message, _FLAGS)
        except BlockingIOError:
            return False
        except OSError:
            self._broken = True
            return False
        return True

    def _is_ours(self) -> bool:
        """Return whether the descriptor is still the one that was opened, in the process that opened it.

        A test may have closed all descriptors, and the number may belong to a file or a connection of the test.
        """
        if _getpid() != self._pid:
            return False
        try:
            return _identity(self._socket.fileno()) == self._identity
        except OSError:
            return False


def _identity(descriptor: int) -> tuple[int, int]:
    status = _fstat(descriptor)
    return status.st_dev, status.st_ino


def _message(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode("ascii")


def start_link(test_run_id: str, session_id: str, port: int, host: str) -> AgentLink | str:
    """Return a link, or the reason why there is no connection."""
    try:
        return AgentLink(test_run_id, session_id, port, host)
    except (OSError, subprocess.SubprocessError) as error:
        return f"the helper process could not be started: {error}"
