"""The logs that a command reads: those that are named, together as one history, or that of a profile."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..terminal.safe import safe_line

if TYPE_CHECKING:
    from ...api.internal.history import History
    from ...api.internal.logs import LogSource
    from .remotes import Mirror


NO_LOG_YET = "there is no log yet; record a run with `pytest --insight`, or name a log with --log"
NO_LOG_THERE = "no such log, folder or archive; check the path, or record one with `pytest --insight-log=PATH`"


class ReadingState:
    """State of reading in this process: whether something was left out, for the exit code; and standard input."""

    incomplete = False
    inputs: ClassVar[dict[int, "LogSource"]] = {}
    remote: str | None = None
    """URL of `--remote`."""
    offline = False
    """Fetch nothing from collectors: values are completed in the shell."""
    filled: ClassVar[set[Path]] = set()
    """Logs that were filled from a collector for this command."""
    history: "History | None" = None
    """History that questions read in place of any log; set in a process of the collector, to that of a team."""

    @classmethod
    def reset(cls) -> None:
        """Forget what an earlier command of this process read."""
        cls.incomplete = cls.offline = False
        cls.remote = None
        cls.inputs.clear()
        cls.filled.clear()


def named_logs(*given: Sequence[Path] | None) -> list[Path]:
    """Return the logs that were named as arguments and with --log, each once, in this order."""
    return list(dict.fromkeys(path for paths in given for path in paths or ()))


def mirror_meant(profile: str | None) -> "Mirror | None":
    """Return the mirror that a remote profile or `--remote` means; None for a profile with a log of its own."""
    if ReadingState.remote is not None:
        from .remotes import unnamed_mirror_of

        return unnamed_mirror_of(ReadingState.remote)
    from ...api.internal.logs import profile_log, profile_remote, resolve_profile

    name = resolve_profile(profile)
    remote = profile_remote(name)
    if remote is None:
        return None
    from .remotes import profile_mirror

    return profile_mirror(remote, profile_log(name))


def profile_path(profile: str | None) -> Path:
    """Return the path of the log of a profile, or of the collector of `--remote`; a mirror is filled first.

    Raises:
        ValueError: the profile's name is not allowed.
        EventLogError, OSError: there is nothing to read, as the collector cannot be asked.
    """
    mirror = mirror_meant(profile)
    if mirror is None:
        from ...api.internal.logs import profile_log, resolve_profile

        return profile_log(resolve_profile(profile))
    if not ReadingState.offline and mirror.log not in ReadingState.filled:
        from .remotes import fill_mirror

        ReadingState.filled.add(mirror.log)
        if not fill_mirror(mirror):
            ReadingState.incomplete = True
    return mirror.log


@contextmanager
def following_mirror(profile: str | None, *, named: bool) -> Generator[Callable[[], bool]]:
    """Fill the mirror that a remote profile or `--remote` means, while it is followed.

    Args:
        profile: its name.
        named: logs are named instead.

    Yields:
        A function that returns False when following has ended; the reason is raised at the end.
    """
    mirror = None if named else mirror_meant(profile)
    if mirror is None:
        yield lambda: True
        return
    from .remotes import followed

    with followed(mirror) as check:
        yield check


def log_path(profile: str | None, log: Path | None, *, fill: bool = True) -> Path:
    """Return the path of the one log that the options mean.

    Args:
        profile: its name.
        log: a log instead.
        fill: fetch first what the log of a remote profile lacks.

    Raises:
        ValueError: the profile's name is not allowed.
        FileNotFoundError: there is no such log.
        EventLogError: the collector of a remote profile cannot be asked, and nothing was fetched before.
    """
    from ...api.internal.logs import as_source, live_files, profile_log, resolve_profile

    path = log or (profile_path(profile) if fill else profile_log(resolve_profile(profile)))
    if log is not None and str(log) == "-":
        return path
    if not as_source(path).path.exists() and not live_files(path):
        if log is None and profile:
            from ...api import get_profile_manager, list_profiles

            if profile not in list_profiles():
                raise get_profile_manager().unknown_profile(profile)
        raise FileNotFoundError(2, NO_LOG_YET if log is None else NO_LOG_THERE, str(path))
    return path


def one_log(profile: str | None, *given: Path | None) -> Path:
    """Return the path of the log of a command that changes one.

    Raises:
        ValueError: several logs are named.
        FileNotFoundError: there is no such log.
    """
    paths = list(dict.fromkeys(path for path in given if path is not None))
    if len(paths) > 1:
        raise ValueError(f"{paths[1]}: this command changes one log, and {paths[0]} is named already; run it for each")
    return log_path(profile, paths[0] if paths else None, fill=False)


def sources_meant(profile: str | None, logs: Sequence[Path] | None) -> "list[LogSource]":
    """Return each log that the options mean, for commands that look at one after the other.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    from ...api.internal.logs import LogUnavailableError, as_source

    if not logs:
        return [as_source(log_path(profile, None))]
    found = [source for path in dict.fromkeys(logs) for source in _logs_at(path)]
    if not found:
        raise LogUnavailableError(
            ", ".join(map(str, logs)), "no log is in it", "record one with `pytest --insight-log`"
        )
    return found


@contextmanager
def open_model(profile: str | None, logs: Sequence[Path] | None) -> Generator["History"]:
    """Yield the history of the logs that the options mean, caught up with them."""
    if ReadingState.history is not None:
        yield ReadingState.history
        return
    from ...api.internal.history import ReadModel, model_file_of
    from ..terminal.messages import say

    source = readable_logs(profile, logs)
    with ReadModel.open(source, model_file_of(source)) as model:
        result = model.catch_up()
        if result.findings:
            say(f"{result.findings} places in the log are not events; see `insight log verify`")
        yield model


def readable_logs(profile: str | None, logs: Sequence[Path] | None) -> "LogSource":
    """Return where the logs that the options mean are read: one log as it is, several merged into a temporary file.

    A file of the earlier plugin is read as the log that it would be converted to.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    from ...api.internal.logs import readable

    found = sources_meant(profile, logs)
    return readable(found[0]) if len(found) == 1 else _union_of(found)


def followed_log(profile: str | None, logs: Sequence[Path]) -> "LogSource":
    """Return the one log that is followed while it grows; it need not exist yet.

    Raises:
        ValueError: several logs are named, or standard input.
        FileNotFoundError: there is not even the folder of the log.
    """
    from ...api.internal.logs import as_source, readable

    if not logs:
        return as_source(profile_path(profile))
    if len(logs) > 1 or str(logs[0]) == "-":
        raise ValueError(f"{logs[-1]}: one log can be followed; make one of several with `insight merge`")
    path = logs[0]
    if path.is_dir() or path.name.endswith(".zip"):
        found = _logs_at(path)
        if len(found) != 1:
            raise ValueError(f"{path}: {len(found)} logs are in it, and one can be followed; name it")
        return readable(found[0])
    source = as_source(path)
    if not source.exists() and not source.path.parent.is_dir():
        raise FileNotFoundError(2, NO_LOG_THERE, str(path))
    return readable(source) if source.exists() else source


def kept_log(logs: Sequence[Path]) -> Path:
    """Return the path of a plain file with the logs that are named: one log itself, or a temporary copy of several.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    found = sources_meant(None, logs)
    source = found[0] if len(found) == 1 and found[0].on_disk and not found[0].compressed else _union_of(found)
    return source.path


def _logs_at(path: Path) -> "list[LogSource]":
    """Return the logs of a path; what cannot be read is named on stderr."""
    from ...api.internal.logs import as_source, live_files, look_for_logs
    from ..terminal.messages import say, say_passed_over

    source = _standard_input() if str(path) == "-" else as_source(path)
    if not (source.path.is_dir() or source.path.name.endswith(".zip")) or source.member:
        if not (source.exists() or live_files(source)):
            raise FileNotFoundError(2, NO_LOG_THERE, str(path))
        return [source]
    found = look_for_logs(source)
    say_passed_over(found.passed_over)
    ReadingState.incomplete = ReadingState.incomplete or bool(found.unread)
    for name in found.unread:
        say(f"{safe_line(str(name))}; it was not read")
    return found.logs


def _standard_input() -> "LogSource":
    """Return what came through standard input, which can be read only once."""
    from ...api.internal.logs import as_source

    key = id(sys.stdin)
    if key not in ReadingState.inputs:
        ReadingState.inputs[key] = as_source("-")
    return ReadingState.inputs[key]


def _union_of(logs: "Iterable[LogSource]") -> "LogSource":
    """Return the union of logs in a temporary file; the first of its damaged places is named on stderr."""
    from ...api.internal.exchange import merge_to_temporary
    from ..terminal.messages import say

    union, damaged = merge_to_temporary(logs)
    more = len(damaged) - 1
    for finding in damaged[:1]:
        say(f"{safe_line(str(finding))}{f'; and {more} more places' if more else ''}: left out")
    return union
