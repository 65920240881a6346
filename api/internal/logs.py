"""Logs, their sources, their errors and their words."""

# pyright: reportUnusedImport=false
# The imports are for type checkers; `load_lazily` serves the same names.

from typing import TYPE_CHECKING

from .lazy import load_lazily

if TYPE_CHECKING:
    from ...eventlog.documents.convert import readable
    from ...eventlog.errors import EventLogError, InputUnreadableError, LogUnavailableError, ProfileError
    from ...eventlog.events import OutputRecorded, TestCut, TestFinished, TestStarted
    from ...eventlog.files.private import open_private
    from ...eventlog.home.paths import (
        DEFAULT_PROFILE,
        PROFILE_VARIABLE,
        RemoteEntry,
        home_dir,
        profile_log,
        profile_remote,
        resolve_profile,
    )
    from ...eventlog.home.project import project_name
    from ...eventlog.live.owner import RunState
    from ...eventlog.outcome import BAD, GOOD, RESULTS, TERMINAL_ORDER
    from ...eventlog.sources import LogSource, as_source, live_files, look_for_logs
    from ...eventlog.times import parse_time

_MODULES = {
    "...eventlog.documents.convert": "readable",
    "...eventlog.errors": "EventLogError InputUnreadableError LogUnavailableError ProfileError",
    "...eventlog.events": "OutputRecorded TestCut TestFinished TestStarted",
    "...eventlog.files.private": "open_private",
    "...eventlog.home.paths": "DEFAULT_PROFILE PROFILE_VARIABLE RemoteEntry home_dir profile_log profile_remote "
    "resolve_profile",
    "...eventlog.home.project": "project_name",
    "...eventlog.live.owner": "RunState",
    "...eventlog.outcome": "BAD GOOD RESULTS TERMINAL_ORDER",
    "...eventlog.sources": "LogSource as_source live_files look_for_logs",
    "...eventlog.times": "parse_time",
}

__getattr__ = load_lazily(__name__, _MODULES)
