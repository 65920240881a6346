"""`subprocess.run` for `python -m pytest_insight.cli` and `python -m pytest`, without their start: see warm_server.py."""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SERVER = Path(__file__).with_name("warm_server.py")
MODULES = ("pytest_insight.cli", "pytest")
UNDERSTOOD = {
    "capture_output", "check", "cwd", "encoding", "env", "errors", "stderr", "stdin", "stdout", "text", "timeout",
}  # fmt: skip
"""Options of `subprocess.run` that are understood; with others a process is started as usual."""
AT_START = ("PYTHON", "LC_", "LANG")
"""Variables that Python reads when it starts."""
MAX_REQUEST = 1 << 17


class Server(NamedTuple):
    """A process that runs one module in forks of itself."""

    process: subprocess.Popen
    channel: socket.socket


BEGINNING = dict(os.environ)
"""The environment of the whole run, which no test has changed."""

_servers: dict[tuple, Server] = {}
_wanted: set[tuple] = set()
_busy = threading.Lock()


def run(command: Sequence, **options) -> subprocess.CompletedProcess:
    """Run a command as `subprocess.run` does; in a fork of a process that has imported everything where that is the same."""
    words = [os.fspath(word) for word in command]
    if not _can_be_forked(words, options) or not _busy.acquire(blocking=False):
        return subprocess.run(command, **options)
    try:
        server = _server_of(words[0], words[2], options.get("env"))
        return _run_forked(server, words, **options) if server else subprocess.run(command, **options)
    finally:
        _busy.release()


def _can_be_forked(words: list[str], options: dict) -> bool:
    return (
        len(words) > 2
        and words[1] == "-m"
        and words[2] in MODULES
        and options.keys() <= UNDERSTOOD
        and sum(map(len, words)) < MAX_REQUEST // 2
    )


def _server_of(python: str, module: str, env: dict[str, str] | None) -> Server | None:
    """Return the server that runs a module where Python starts with these variables; None if that is wanted only once."""
    read = {name: value for name, value in (os.environ if env is None else env).items() if name.startswith(AT_START)}
    key = (python, module, *sorted(read.items()))
    if key not in _wanted:
        _wanted.add(key)
        return None
    server = _servers.get(key)
    if server is None or server.process.poll() is not None:
        others = {name: value for name, value in BEGINNING.items() if not name.startswith(AT_START)}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [python, str(SERVER), str(theirs.fileno()), module]
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


class _Stream:
    """What one standard stream of a command is, and what it wrote if that is wanted."""

    def __init__(self, wanted: object, inherited: int) -> None:
        self.reader: int | None = None
        self.text = b""
        self._own = True
        if wanted == subprocess.PIPE:
            self.reader, self.number = os.pipe()
        elif wanted == subprocess.DEVNULL:
            self.number = os.open(os.devnull, os.O_RDWR)
        else:
            self._own = False
            self.number = inherited if wanted is None else wanted if isinstance(wanted, int) else wanted.fileno()

    def close(self) -> None:
        """Close the end that the command has."""
        if self._own:
            os.close(self.number)
            self._own = False


def _run_forked(
    server: Server,
    words: list[str],
    *,
    capture_output: bool = False,
    check: bool = False,
    cwd: object = None,
    encoding: str | None = None,
    env: dict[str, str] | None = None,
    errors: str | None = None,
    stderr: object = None,
    stdin: object = None,
    stdout: object = None,
    text: bool = False,
    timeout: float | None = None,
) -> subprocess.CompletedProcess:
    pipe = subprocess.PIPE if capture_output else None
    streams = [_Stream(stdin, 0), _Stream(stdout or pipe, 1)]
    streams.append(streams[1] if stderr == subprocess.STDOUT else _Stream(stderr or pipe, 2))
    os.umask(mask := os.umask(0))
    request = {
        "module": words[2],
        "args": words[3:],
        "cwd": os.path.abspath(os.fspath(cwd or ".")),
        "env": dict(os.environ if env is None else env),
        "umask": mask,
    }
    socket.send_fds(server.channel, [json.dumps(request).encode()], [stream.number for stream in streams])
    for stream in streams:
        stream.close()
    pid = json.loads(server.channel.recv(100))
    if not _read_all(streams[1:], timeout):
        os.kill(pid, signal.SIGKILL)
        server.channel.recv(100)
        raise subprocess.TimeoutExpired(words, timeout or 0, streams[1].text, streams[2].text)
    code = json.loads(server.channel.recv(100))
    readable = bool(text or encoding or errors)
    out, err = (_decoded(stream, readable, encoding, errors) for stream in streams[1:])
    result = subprocess.CompletedProcess(words, code, out, None if streams[2] is streams[1] else err)
    if check:
        result.check_returncode()
    return result


def _read_all(streams: list[_Stream], timeout: float | None) -> bool:
    """Read what the command writes, to the end; returns whether that came in time."""
    end = time.monotonic() + (timeout or 1e9)
    with selectors.DefaultSelector() as selector:
        for stream in {id(stream): stream for stream in streams if stream.reader is not None}.values():
            selector.register(stream.reader, selectors.EVENT_READ, stream)
        while selector.get_map():
            if time.monotonic() > end:
                return False
            for key, _ in selector.select(1):
                part = os.read(key.fd, 1 << 16)
                key.data.text += part
                if not part:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return True


def _decoded(stream: _Stream, readable: bool, encoding: str | None, errors: str | None) -> bytes | str | None:
    if stream.reader is None:
        return None
    if not readable:
        return stream.text
    text = stream.text.decode(encoding or sys.getdefaultencoding(), errors or "strict")
    return text.replace("\r\n", "\n").replace("\r", "\n")
