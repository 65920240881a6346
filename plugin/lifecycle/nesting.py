"""Detection of a pytest run that a test or a plugin of another run started; it is not recorded by itself.

`PYTEST_CURRENT_TEST` alone is not sufficient: pytest leaves it in the environment when Ctrl-C or `pytest.exit` ends a
test, so later runs of the same process, and of shells started from it, would count as nested.
"""

import inspect
import os
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

RECORDER_VARIABLE = "PYTEST_INSIGHT_RECORDER_PID"
"""Variable with the process id of a recording run while it records."""
LOG_VARIABLE = "PYTEST_INSIGHT_RECORDER_LOG"
"""Variable with the path of its log."""

_RUNNER = "_pytest.runner"
_XDIST_WORKER = "__channelexec__"
"""Name of the module that execnet runs in the process of an xdist worker."""
_ANCESTORS_MAX = 256


def is_nested(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether another pytest run started this one, in this process or as a process of its own."""
    return _is_on_stack(_RUNNER) or _is_started_by_recorder(environ)


def is_log_of_outer_run(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a nested run was given the log of the run that started it, for instance by a plugin that repeats
    its arguments. That log contains the tests already, and is locked.
    """
    return environ.get(LOG_VARIABLE) == str(path) and is_nested(environ)


def is_xdist_worker(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process is a worker of pytest-xdist. A process that a test of a worker started is not."""
    return bool(environ.get("PYTEST_XDIST_WORKER")) and _is_on_stack(_XDIST_WORKER)


def mark_recording(log: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the environment variables that tell child processes that this process records, and where."""
    environ[RECORDER_VARIABLE] = str(os.getpid())
    environ[LOG_VARIABLE] = str(log)


def unmark_recording(environ: MutableMapping[str, str] = os.environ) -> None:
    """Remove the variables, unless another process has set them."""
    if environ.get(RECORDER_VARIABLE) == str(os.getpid()):
        del environ[RECORDER_VARIABLE]
        environ.pop(LOG_VARIABLE, None)


def _is_started_by_recorder(environ: Mapping[str, str]) -> bool:
    recorder = environ.get(RECORDER_VARIABLE, "")
    if not (recorder.isascii() and recorder.isdigit()):
        return False
    # The id of this process itself is left over from an earlier run, or from exec.
    return int(recorder) != os.getpid() and int(recorder) in set(_ancestors())


def _is_on_stack(module: str) -> bool:
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False


def _ancestors() -> Iterator[int]:
    """Yield the process ids of all ancestors; only that of the parent on systems without /proc."""
    pid = os.getppid()
    for _ in range(_ANCESTORS_MAX):
        if pid <= 0:
            return
        yield pid
        pid = _parent_of(pid)


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # `pid (name) state ppid ...`; the name may hold spaces and parentheses.
    fields = stat.rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
