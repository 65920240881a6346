"""Files that belong to pytest-insight: what writes a file for the user must never replace one of them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from ..eventlog.documents.convert import lines_of_document
from ..eventlog.errors import EventLogError, ProfileError
from ..eventlog.files.system import why_unsafe
from ..eventlog.format import EARLIER_LIVE_SUFFIX, EMPTY_LOG_SUFFIXES, HEAD, LIVE_SUFFIX, PACK_SUFFIX
from ..eventlog.home.paths import home_dir
from ..eventlog.home.profiles import ProfilesFile
from ..eventlog.maintenance.corruption import holds_no_event
from ..eventlog.sources import is_old_document, live_dirs, pack_dir

_SNIFF_BYTES = 64 * 1024


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a file that an export or a merge may not replace.

    Args:
        path: where the output goes; links are followed.
        inputs: files that are being read.

    Raises:
        FileExistsError: it is a log that is being read, or a file that belongs to a profile.
    """
    if not os.path.lexists(path):
        return
    for source in inputs:
        if _is_same(path, source):
            raise FileExistsError(17, "is an input; choose another file for the output", str(path))
    owner = _owner_of(path)
    if owner:
        raise FileExistsError(17, f"is {owner}; choose another file for the output", str(path))


def check_replacing(path: Path, *, force: bool) -> None:
    """Refuse to replace a file that is there, unless the user says so.

    Raises:
        FileExistsError: the file is there and holds something.
    """
    if not force and path.is_file() and path.stat().st_size:
        raise FileExistsError(17, "is there already; --force replaces it", str(path))


def check_new_log(path: Path) -> None:
    """Refuse a path that cannot become the log of a profile.

    Raises:
        ProfileError: there is a file of another kind, or one that belongs to pytest-insight itself.
    """
    reason = _why_reserved(path) or (_why_no_log(path) if os.path.lexists(path) else "")
    if reason:
        raise ProfileError(f"{path}: {reason}; choose another file, nothing was written")


def _why_reserved(path: Path) -> str:
    """Return why a place in the home is no place for a log, also before there is a file; "" if it may be one."""
    home = Path(os.path.realpath(home_dir()))
    real = Path(os.path.realpath(path))
    listed = ProfilesFile().path.name
    if real in (home / listed, home / f"{listed}.lock", home / f"{listed}.new") or real.is_relative_to(home / "models"):
        return "belongs to pytest-insight itself"
    within = any(str(folder).endswith((PACK_SUFFIX, LIVE_SUFFIX, EARLIER_LIVE_SUFFIX)) for folder in real.parents)
    return "lies among the packs or live files of a log" if within else ""


def _why_no_log(path: Path) -> str:
    try:
        unsafe = why_unsafe(os.lstat(path))
        if unsafe:
            return unsafe
        with path.open("rb") as stream:
            head = stream.read(_SNIFF_BYTES)
    except OSError as error:
        return error.strerror or str(error)
    if not head:
        return "" if path.suffix in EMPTY_LOG_SUFFIXES else "is an empty file of another kind"
    if HEAD in head:
        return "is not an event log: no line in it is an event" if holds_no_event(path) else ""
    return _why_no_document(path) if is_old_document(path) else "is not an event log"


def _why_no_document(path: Path) -> str:
    """Return why a JSON file cannot be converted to a log, or ""."""
    try:
        lines, errors = lines_of_document(path)
    except EventLogError:
        return "is a JSON file without sessions"
    if errors:
        return f"is a JSON file with {len(errors)} entries that are no sessions ({errors[0]})"
    return "" if lines else "is a JSON file without sessions"


def _owner_of(path: Path) -> str:
    """Return what a file is to pytest-insight, in words; "" if it is another file."""
    real = Path(os.path.realpath(path))
    if real.is_relative_to(os.path.realpath(home_dir())):
        return "a file of pytest-insight's own folder"
    for name, log in _profile_logs():
        if _is_same(real, log) or real.is_relative_to(pack_dir(log)):
            return f"the log of profile {name}"
        if any(real.is_relative_to(folder) for folder in live_dirs(log)):
            return f"a live file of profile {name}"
    return ""


def _profile_logs() -> list[tuple[str, Path]]:
    """Return names and logs of profiles that have a path of their own."""
    try:
        profiles = cast("dict[str, dict[str, Any]]", ProfilesFile().read()["profiles"])
    except EventLogError:
        return []  # a broken file names no logs; those below the home are known without it
    return [
        (name, Path(os.path.realpath(Path(str(entry["file_path"])).expanduser())))
        for name, entry in profiles.items()
        if entry.get("file_path")
    ]


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
