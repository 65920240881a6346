"""Workers of pytest-xdist as forks of a process that has imported pytest, and nothing of the run: see warm_server.py."""

import contextlib
import os
import socket
import sys
from collections.abc import Callable

import warm

BEGIN = "import sys;exec(eval(sys.stdin.readline()))"
"""The program of a worker: its first line says how it goes on."""
ASKED_FOR = ("-n", "--numprocesses", "--tx", "--dist")


def are_wanted(words: list[str]) -> bool:
    """Return whether the arguments of a run ask for workers."""
    return any(word.startswith(ASKED_FOR) for word in words)


class Worker(warm.Popen):
    """A worker that is a fork, and a child of this process as it would be if it were started."""

    def __init__(self, command: list[str], origin: warm.Server) -> None:
        self._options: dict = {}
        self._server = origin
        super(warm.Popen, self).__init__(command, stdin=-1, stdout=-1)


def fork_origin(serve: Callable[[socket.socket], str | None], module: str) -> str:
    """Fork a process whose forks are the workers; return what to run: in the caller the module, in a worker its program."""
    from execnet import gateway_io

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if not pid:
        ours.close()
        return serve_until_end(serve, theirs)
    theirs.close()
    origin = warm.Server(None, ours)
    as_usual = gateway_io.Popen2IOMaster.__init__

    def start(self, args: list[str], execmodel: object) -> None:
        if args != [sys.executable, "-u", "-c", BEGIN]:
            as_usual(self, args, execmodel)
            return
        self.popen = process = Worker([args[0], *args[2:]], origin)
        gateway_io.Popen2IO.__init__(self, process.stdin, process.stdout, execmodel=execmodel)

    gateway_io.Popen2IOMaster.__init__ = start
    return module


def serve_until_end(serve: Callable[[socket.socket], str | None], channel: socket.socket) -> str:
    """Fork workers until the run ends or is interrupted; return only in a worker."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):  # who reads what the run prints waits until no process has the pipe any more
        os.dup2(nowhere, number)
    os.close(nowhere)
    module = None
    with contextlib.suppress(OSError, KeyboardInterrupt):
        module = serve(channel)
    if module is None:
        os._exit(0)
    return module
