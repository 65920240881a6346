"""A pytest plugin for `make check`: a test that starts a process fails.

PYTHONPATH=docs/tools pytest -p no_processes
"""

import sys

import pytest

STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system")
"""Audit events of what starts a process."""

ALLOWED = ("git",)
"""Programs that a test may start: they end by themselves, in milliseconds."""


def refuse_processes(event: str, arguments: tuple[object, ...]) -> None:
    """Raise an error in the place that starts a process."""
    if event in STARTS and arguments[0] not in ALLOWED:
        raise RuntimeError(f"{event} in a test of `make check`: {arguments[:1]!r}; see docs/tools/pure_tests.py")


@pytest.hookimpl(tryfirst=True)  # the loop of a worker of xdist ends the call
def pytest_runtestloop() -> None:
    """Begin to refuse when the tests begin."""
    sys.addaudithook(refuse_processes)
