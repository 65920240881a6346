"""Leave a trace of a run that ended before `pytest_configure`, for instance by a broken conftest.py."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from ..eventlog.events import SessionFinished, SessionStarted
from ..eventlog.plain import clean_text, shorten
from .boundary import describe_error, not_recorded_line, write_to_stderr
from .metadata import find_ci, find_test_run
from .nesting import is_nested, is_xdist_worker
from .redact import Redactor
from .redact_events import open_writer
from .redact_long import redact_shortened
from .settings import RUN_CHARS_MAX
from .target import log_target

_TEXT_BYTES_MAX = 16 * 1024


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
            _record(config, args, error)
    except Exception as trouble:  # noqa: BLE001 - the boundary: pytest reports its own error, whatever happens here
        write_to_stderr(not_recorded_line(describe_error(trouble)))


def _record(config: pytest.Config, args: list[str], error: BaseException) -> None:
    options: Any = config.known_args_namespace
    explicit = getattr(options, "insight_log", None) or os.environ.get("PYTEST_INSIGHT_LOG") or ""
    if is_nested() and not explicit:
        return
    redact = Redactor(_patterns(config))
    path, _ = log_target(explicit, getattr(options, "insight_profile", None) or "", config.invocation_params.dir)
    writer = open_writer(path, redact, direct=bool(explicit))
    text, _, _ = redact_shortened(redact, f"{type(error).__name__}: {error}", _TEXT_BYTES_MAX)
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
    writer.seal(
        lambda count, root: SessionFinished(
            exit_status=int(pytest.ExitCode.USAGE_ERROR), count=count, root=root, internal_error=text
        )
    )
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
