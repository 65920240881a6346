"""`subprocess.run` and `Popen` for Python processes that use pytest or the package, in forks: see warm_server.py.

They are `python -m pytest`, `python -m pytest_insight.cli` and `python -c`; others are started as usual.
"""

import atexit
import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SERVER = Path(__file__).with_name("warm_server.py")
MODULES = ("pytest_insight.cli", "pytest")
COLLECTOR = ("serve", "keys", "teams", "db")
"""Commands that use the libraries of the collector; a server of their own has them imported."""
UNDERSTOOD = {
    "bufsize", "cwd", "encoding", "env", "errors", "start_new_session", "stderr", "stdin", "stdout", "text",
}  # fmt: skip
"""Options of `subprocess.Popen` that are understood; with others a process is started as usual."""
AT_START = ("PYTHON", "LC_", "LANG")
"""Variables that Python reads when it starts."""
MAX_REQUEST = 1 << 17
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""Signals that a process ignores if the one that starts it does."""
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
CAN_FORK = (
    sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") and not os.environ.get("INSIGHT_COLD_TESTS")
)
"""With INSIGHT_COLD_TESTS=1 every process is started as usual."""


class Server(NamedTuple):
    """A process that runs one module in forks of itself."""

    process: subprocess.Popen | None
    channel: socket.socket


BEGINNING = dict(os.environ)
"""The environment of the whole run, which no test has changed."""

_servers: dict[tuple, Server] = {}
_wanted: set[tuple] = set()
_busy = threading.Lock()


def run(
    command: Sequence,
    *,
    capture_output: bool = False,
    check: bool = False,
    input: str | bytes | None = None,  # noqa: A002 - as `subprocess.run` names it
    timeout: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess:
    """Run a command as `subprocess.run` does."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(command, **options) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    result = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        result.check_returncode()
    return result


class Popen(subprocess.Popen):
    """A process that is a fork of one that has imported everything, where that is the same as starting one."""

    def __init__(self, command: Sequence, **options: Any) -> None:
        words = [os.fspath(word) for word in command]
        self._options = options
        self._server: Server | None = None
        with _busy:
            if can_be_forked(words, options):
                self._server = server_for(words[0], kind_of(words), options.get("env"))
            super().__init__(words, **options)

    def _execute_child(self, args: list[str], *others: Any) -> None:
        """Let the server fork; `others` are what `subprocess.Popen` made of its options: pipes are at 9 to 14."""
        if self._server is None:
            super()._execute_child(args, *others)  # type: ignore[misc]
            return
        pipes = others[9:15]
        env, cwd = self._options.get("env"), self._options.get("cwd")
        os.umask(mask := os.umask(0))
        request = {
            "module": (module := module_of(args)),
            "args": [as_text(word) for word in args[args.index(module) + 1 :]],
            "cwd": as_text(os.path.abspath(os.fspath(cwd or "."))),
            "env": {as_text(name): as_text(value) for name, value in (os.environ if env is None else env).items()},
            "umask": mask,
            "ignored": [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN],
            "limits": {number: resource.getrlimit(number) for number in LIMITS},
            "new_session": bool(self._options.get("start_new_session")),
        }
        streams = [number if end == -1 else end for number, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        socket.send_fds(self._server.channel, [json.dumps(request).encode()], streams)
        self.pid = json.loads(self._server.channel.recv(100))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def as_text(word: str) -> str:
    """Return the bytes of a word as a text of the same length, which the other side decodes as its own locale says."""
    return os.fsencode(word).decode("latin-1")


def module_of(words: list[str]) -> str:
    """Return the module that a command runs, `-c` if its program is an argument, or "" if it does something else."""
    if words[1:2] == ["-c"]:
        return "-c"
    return words[2] if words[1:2] == ["-m"] and words[2] in MODULES else ""


def kind_of(words: list[str]) -> str:
    """Return the name of what a server for a command imports beforehand."""
    module = module_of(words)
    return "collector" if module == "pytest_insight.cli" and words[3:4] and words[3] in COLLECTOR else module


def can_be_forked(words: list[str], options: dict) -> bool:
    """Return whether a fork is the same as the process that these words and options start."""
    return (
        CAN_FORK
        and len(words) > 2
        and module_of(words) != ""
        and options.keys() <= UNDERSTOOD
        and sum(map(len, words)) < MAX_REQUEST // 2
    )


def server_for(python: str, kind: str, env: dict[str, str] | None) -> Server | None:
    """Return the server of a kind where Python starts with these variables; None if that is wanted only once."""
    read = {name: value for name, value in (os.environ if env is None else env).items() if name.startswith(AT_START)}
    key = (python, kind, *sorted(read.items()))
    if key not in _wanted:
        _wanted.add(key)
        return None
    server = _servers.get(key)
    if server is None or server.process.poll() is not None:
        others = {name: value for name, value in BEGINNING.items() if not name.startswith(AT_START)}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [python, str(SERVER), str(theirs.fileno()), kind]
        process = subprocess.Popen(words, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=others | read)
        theirs.close()
        server = _servers[key] = Server(process, ours)
    return server


@atexit.register
def stop() -> None:
    """End the servers."""
    for server in _servers.values():
        server.channel.close()
        server.process.wait()
    _servers.clear()
