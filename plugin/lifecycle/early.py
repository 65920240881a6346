"""A session for a run that ended before the recorder could start: by a broken conftest.py, or by another plugin."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ...eventlog.events import RecorderDegraded, SessionFinished
from ...eventlog.plain import clean_text, shorten
from ..header.builder import build_header
from ..header.metadata import find_test_run
from ..redaction.events import open_writer
from ..redaction.redactor import Redactor
from ..redaction.shortening import redact_shortened
from ..settings import early_settings
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
    """Record a session whose run ended while pytest loaded its first conftest.py files.

    A failure to record it is one line on stderr; pytest raises the original error in any case.

    Args:
        config: of the run.
        args: command line of the run.
        error: the exception that ended the run.
        is_recorded: returns from a config and its options whether the run is to be recorded.
    """
    if is_xdist_worker():
        return  # the run is the controller's session, also if a worker fails
    try:
        if is_recorded(config, config.known_args_namespace):
            _record(config, config.known_args_namespace, args, (f"{type(error).__name__}: {error}", _USAGE_ERROR))
    except Exception as problem:  # noqa: BLE001 - the boundary: pytest reports its own error in any case
        write_to_stderr(not_recorded_line(describe_error(problem)))


def record_failed_start(config: pytest.Config, end: object, errors: Sequence[object]) -> None:
    """Record a session in which a plugin raised, or ended the run, before the recorder started.

    A failure to record it is one line on stderr.

    Args:
        config: of a run that is to be recorded and has no recorder.
        end: exit status of the run, or the exception that ends it.
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
    except Exception as problem:  # noqa: BLE001 - the boundary: the run has its status already
        write_to_stderr(not_recorded_line(describe_error(problem)))


def _record(config: pytest.Config, options: Any, args: list[str], end: tuple[str, int]) -> None:
    settings = early_settings(config, options)
    if is_nested() and not settings.log:
        return
    redact = Redactor(settings.redact)
    path, _ = log_target(settings.log, settings.profile, config.invocation_params.dir)
    if settings.log and is_log_of_outer_run(path):
        return
    reasons: list[str] = []
    writer = open_writer(path, redact, direct=bool(settings.log))
    header = build_header(
        config,
        settings,
        writer.stream[:12],
        find_test_run(settings.run, os.environ),
        lambda where, error: reasons.append(f"{where}: {describe_error(error)}"),
        args,
    )
    writer.append(header)
    if reasons:
        text = shorten(clean_text(redact("; ".join(reasons)))[0], _TEXT_BYTES_MAX)[0]
        writer.append(RecorderDegraded(reason=text))
    text, _, _ = redact_shortened(redact, end[0], _TEXT_BYTES_MAX)
    writer.seal(lambda count, root: SessionFinished(exit_status=end[1], count=count, root=root, internal_error=text))
    writer.close()
