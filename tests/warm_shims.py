"""`insight`, `pytest` and `python` for the shell of a test: programs whose work is done by forks, see warm.py."""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import warm

SHIM = """#!{python} -SEs
import json, os, socket, sys
name, words = {name!r}, sys.argv[1:]
if not {can_fork} or "serve" in words:  # a service is stopped by its process number
    os.execv({real!r}, [{real!r}, *words])
channel = socket.socket(socket.AF_UNIX)
channel.connect({place!r})
request = json.dumps([name, words, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(channel, [len(request).to_bytes(4, "big")], [0, 1, 2])
channel.sendall(request)
code = int(channel.recv(8) or b"70")
sys.exit(128 - code if code < 0 else code)
"""
PROGRAMS = {
    "insight": ["-m", "pytest_insight.cli"],
    "pytest": ["-m", "pytest"],
    "python": [],
}
"""What Python is given for each program, before its own arguments."""


@contextmanager
def shims(folder: Path) -> Iterator[str]:
    """Make the programs in a folder, and do their work until the end; yields the `PATH` by which a shell finds them."""
    folder.mkdir()
    place = str(folder / "socket")
    for name in PROGRAMS:
        real = str(Path(sys.executable).parent / name)
        shim = folder / name
        text = SHIM.format(python=sys.executable, name=name, can_fork=warm.CAN_FORK, real=real, place=place)
        shim.write_text(text)
        shim.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen()
        threading.Thread(target=accept_all, args=[server], daemon=True).start()
        yield os.pathsep.join(map(str, [folder, Path(sys.executable).parent, os.environ["PATH"]]))
        server.shutdown(socket.SHUT_RDWR)  # ends the wait of the thread


def accept_all(server: socket.socket) -> None:
    """Do each request in a thread of its own, as the commands of a pipe run at once."""
    while True:
        try:
            channel, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=do_request, args=[channel], daemon=True).start()


def do_request(channel: socket.socket) -> None:
    """Run what a shim was called with, on its streams, and send the exit code."""
    with channel:
        size, streams, _, _ = socket.recv_fds(channel, 4, 3)
        data = b""
        while len(data) < int.from_bytes(size, "big"):
            data += channel.recv(1 << 16)
        name, words, cwd, env = json.loads(data)
        stdin, stdout, stderr = streams
        command = [sys.executable, *PROGRAMS[name], *words]
        process = warm.Popen(command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
        for stream in streams:
            os.close(stream)
        channel.send(str(process.wait()).encode())
