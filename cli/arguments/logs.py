"""Which logs a command reads: those that are named, together as one history, or that of a profile."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..terminal.safe import safe_line

if TYPE_CHECKING:
    from ...eventlog.sources import LogSource
    from ...projections.readmodel import ReadModel


NO_LOG_YET = "there is no log yet; record a run with `pytest --insight`, or name a log with --log"
NO_LOG_THERE = "no such log, folder or archive; check the path, or record one with `pytest --insight-log=PATH`"


class ReadingState:
    """What this process has read: whether something was left out, which the exit code says, and standard input."""

    incomplete = False
    inputs: ClassVar[dict[int, "LogSource"]] = {}

    @classmethod
    def reset(cls) -> None:
        """Forget what an earlier command of this process read."""
        cls.incomplete = False
        cls.inputs.clear()


def named_logs(*given: Sequence[Path] | None) -> list[Path]:
    """Return the logs that were named as arguments and with --log, each once, in this order."""
    return list(dict.fromkeys(path for paths in given for path in paths or ()))


def log_path(profile: str | None, log: Path | None) -> Path:
    """Return the path of the one log that the options mean.

    Raises:
        ValueError: the profile's name is not allowed.
        FileNotFoundError: there is no such log.
    """
    from ...eventlog.home.paths import profile_log, resolve_profile  # noqa: PLC0415 - commands import what they use
    from ...eventlog.sources import as_source, live_files  # noqa: PLC0415

    path = log or profile_log(resolve_profile(profile))
    if log is not None and str(log) == "-":
        return path
    if not as_source(path).path.exists() and not live_files(path):
        if log is None and profile:
            from ...core.profiles import get_profile_manager, list_profiles  # noqa: PLC0415 - only for the message

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
    return log_path(profile, paths[0] if paths else None)


def sources_meant(profile: str | None, logs: Sequence[Path] | None) -> "list[LogSource]":
    """Return each log that the options mean, for commands that look at one after the other.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    from ...eventlog.errors import LogUnavailableError  # noqa: PLC0415
    from ...eventlog.sources import as_source  # noqa: PLC0415

    if not logs:
        return [as_source(log_path(profile, None))]
    found = [source for path in dict.fromkeys(logs) for source in _logs_at(path)]
    if not found:
        raise LogUnavailableError(
            ", ".join(map(str, logs)), "no log is in it", "record one with `pytest --insight-log`"
        )
    return found


def open_model(profile: str | None, logs: Sequence[Path] | None) -> "ReadModel":
    """Return the read model of the logs that the options mean, caught up with them."""
    from ...projections.readmodel import ReadModel  # noqa: PLC0415
    from ..terminal.messages import say  # noqa: PLC0415 - it exports from here

    source = readable_logs(profile, logs)
    model = ReadModel.open(source, model_file(source))
    result = model.catch_up()
    if result.findings:
        say(f"{result.findings} places in the log are not events; see `insight log verify`")
    return model


def readable_logs(profile: str | None, logs: Sequence[Path] | None) -> "LogSource":
    """Return where the logs that the options mean are read: one log as it is, several merged into a temporary file.

    A file of the earlier plugin is read as the log that it would be converted to.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    from ...eventlog.documents.convert import readable  # noqa: PLC0415

    found = sources_meant(profile, logs)
    return readable(found[0]) if len(found) == 1 else _merged(found)


def kept_log(logs: Sequence[Path]) -> Path:
    """Return the path of a plain file with the logs that are named: one log itself, or a temporary copy of several.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: there is nothing that can be read.
    """
    found = sources_meant(None, logs)
    source = found[0] if len(found) == 1 and found[0].on_disk and not found[0].compressed else _merged(found)
    return source.path


def _logs_at(path: Path) -> "list[LogSource]":
    """Return the logs of a path; what cannot be read is named on stderr."""
    from ...eventlog.sources import as_source, live_files, look_for_logs  # noqa: PLC0415
    from ..terminal.messages import say, say_passed_over  # noqa: PLC0415

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
    from ...eventlog.sources import as_source  # noqa: PLC0415

    key = id(sys.stdin)
    if key not in ReadingState.inputs:
        ReadingState.inputs[key] = as_source("-")
    return ReadingState.inputs[key]


def _merged(logs: "Iterable[LogSource]") -> "LogSource":
    """Return the union of logs in a temporary file that is removed at the end."""
    import atexit  # noqa: PLC0415
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    from ...eventlog.documents.convert import readable  # noqa: PLC0415
    from ...eventlog.files.pipes import PipedLog  # noqa: PLC0415
    from ...eventlog.files.private import open_private  # noqa: PLC0415
    from ...eventlog.merging.conflicts import Strategy  # noqa: PLC0415
    from ...eventlog.merging.merger import Merger  # noqa: PLC0415
    from ...eventlog.merging.staging import staging  # noqa: PLC0415
    from ..terminal.messages import say  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="insight-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "logs.jsonl"
    with staging() as stage:
        merger = Merger(stage, Strategy.KEEP_BOTH)
        count = 0
        for count, source in enumerate(logs, 1):  # noqa: B007 - the number of them is told
            merger.add_source(readable(source))
        merger.index()
        with open_private(target) as out:
            merger.write(out)
        for finding in merger.report.damaged[:1]:
            more = len(merger.report.damaged) - 1
            say(f"{safe_line(str(finding))}{f'; and {more} more places' if more else ''}: left out")
    return PipedLog(target, label=f"{count} logs")


def model_file(source: "LogSource") -> Path | None:
    """Return where the read model of a log is kept; None for a log that will not be there the next time."""
    from ...eventlog.files.pipes import PipedLog  # noqa: PLC0415
    from ...eventlog.home.paths import model_path  # noqa: PLC0415

    return None if isinstance(source, PipedLog) or not source.on_disk else model_path(Path(source.name))
