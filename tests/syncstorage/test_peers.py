"""Which process is at the other end of a connection, and whose child it is."""

import os
import socket
import subprocess
import sys

import pytest
from pytest_insight.syncstorage.service.peers import is_descendant, process_of

CHILD = """
import socket, subprocess, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(connection.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_process_behind_a_connection_is_found(family, host):
    """Over both protocols, among the connections of others; it is a child of this one."""
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-c", CHILD, host, str(port)]
        children = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for child in children:
            peer_port = int(child.stdout.readline())
            assert process_of(peer_port, port) == child.pid
            assert is_descendant(child.pid, os.getpid()) is True
        assert is_descendant(children[0].pid, children[1].pid) is False
        assert is_descendant(os.getpid(), children[0].pid) is False
        assert is_descendant(os.getpid(), os.getpid()) is False
        for child in children:
            child.communicate()


def test_what_nobody_knows_is_not_guessed():
    """A port without a connection, a process that has ended, or an unknown one."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process_of(1, 1) == 0
    assert is_descendant(ended.pid, os.getpid()) is None
    assert is_descendant(0, os.getpid()) is None
    assert is_descendant(os.getpid(), 0) is None
