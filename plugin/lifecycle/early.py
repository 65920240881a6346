"""Leave a trace of a run that ended before the recorder could start: by a broken conftest.py, or by another plugin."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ...eventlog.events import SessionFinished, SessionStarted
from ...eventlog.plain import clean_text, shorten
from ..header.metadata import find_ci, find_test_run
from ..redaction.events import open_writer
from ..redaction.redactor import Redactor
from ..redaction.shortening import redact_shortened
from ..settings import RUN_CHARS_MAX
from .boundary import describe_error, not_recorded_line, write_to_stderr
from .ending import status_of_error
from .nesting import is_log_of_outer_run, is_nested, is_xdist_worker
from .target import log_target

_TEXT_BYTES_MAX = 16 * 1024
_USAGE_ERROR = int(pytest.ExitCode.USAGE_ERROR)
_NO_STATUS = int(pytest.ExitCode.INTERNAL_ERROR)
_NOT_STARTED = "a plugin ended the run in pytest_configure, before it was recorded"


def record_early_end(
    config: pytest.Config,
    args: list[str],
    error: BaseException,
    is_recorded: Callable[[pytest.Config, Any], bool],
) -> None:
    """Record a session that never began; a failure to do so costs one line on stderr, and the error itself is raised.

    Args:
        config: of the run.
        args: its command line.
        error: which ended it.
        is_recorded: tells from a config and its options whether the run is to be recorded.
    """
    if is_xdist_worker():
        return  # the run is the controller's session, whatever happens in a worker
    try:
        if is_recorded(config, config.known_args_namespace):
            _record(config, config.known_args_namespace, args, (f"{type(error).__name__}: {error}", _USAGE_ERROR))
    except Exception as trouble:  # noqa: BLE001 - the boundary: pytest reports its own error, whatever happens here
        write_to_stderr(not_recorded_line(describe_error(trouble)))


def record_failed_start(config: pytest.Config, end: object, errors: Sequence[object]) -> None:
    """Record a session in which a plugin raised or ended the run before the recorder was there; costs one line at most.

    Args:
        config: of the run, which is to be recorded and has no recorder.
        end: the exit status, or the exception that ends the run.
        errors: internal errors, as pytest shows them.
    """
    if is_xdist_worker():
        return
    try:
        if isinstance(end, BaseException):
            text, status = f"{type(end).__name__}: {end}", status_of_error(end)
        else:
            text = "\n".join(map(str, errors)) or _NOT_STARTED
            status = int(end) if isinstance(end, int) else _NO_STATUS
        _record(config, config.option, list(map(str, config.invocation_params.args)), (text, status))
    except Exception as trouble:  # noqa: BLE001 - the boundary: the run has its status already
        write_to_stderr(not_recorded_line(describe_error(trouble)))


def _record(config: pytest.Config, options: Any, args: list[str], end: tuple[str, int]) -> None:
    explicit = getattr(options, "insight_log", None) or os.environ.get("PYTEST_INSIGHT_LOG") or ""
    if is_nested() and not explicit:
        return
    redact = Redactor(_patterns(config))
    path, _ = log_target(explicit, getattr(options, "insight_profile", None) or "", config.invocation_params.dir)
    if explicit and is_log_of_outer_run(path):
        return
    writer = open_writer(path, redact, direct=bool(explicit))
    text, _, _ = redact_shortened(redact, end[0], _TEXT_BYTES_MAX)
    header = SessionStarted(
        session_id=writer.stream[:12],
        sut=getattr(options, "insight_sut", None) or "unknown-sut",
        pytest=pytest.__version__,
        args=list(args),
        rootdir=str(config.rootpath),
        ci=find_ci(os.environ),
        test_run=find_test_run(_run_named(options), os.environ),
    )
    writer.append(header)
    writer.seal(lambda count, root: SessionFinished(exit_status=end[1], count=count, root=root, internal_error=text))
    writer.close()


def _run_named(options: Any) -> str:
    name = getattr(options, "insight_run", None) or os.environ.get("PYTEST_INSIGHT_RUN") or ""
    return shorten(clean_text(name.strip())[0], RUN_CHARS_MAX)[0]


def _patterns(config: pytest.Config) -> list[str]:
    """The patterns of the ini file; none if it is the ini file that ended the run."""
    try:
        return list(config.getini("insight_redact") or ())
    except (KeyError, ValueError, pytest.UsageError):
        return []
