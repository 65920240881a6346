"""Number and size of what the profiles hold, and the search in their logs."""

import re
from dataclasses import dataclass
from pathlib import Path

from ...eventlog.errors import EventLogError
from ...eventlog.maintenance.purge import purge_log
from ...eventlog.sources import live_files, pack_files
from ..profiles import StorageProfile, get_profile_manager
from .store import SessionStore


@dataclass(frozen=True)
class ProfileInfo:
    """A profile with the number and size of its sessions."""

    profile: StorageProfile
    active: bool
    sessions: int | None
    """None if it is unknown."""
    last_us: int | None
    """Start of its last session, in microseconds since the epoch; None if it has none."""
    size_bytes: int
    problem: str = ""


def profiles_with(streams: frozenset[str], text: re.Pattern[str] | None, but: Path) -> list[str]:
    """Return the names of profiles in whose logs a purge would find something, other than the log `but`."""
    found: list[str] = []
    for name, profile in get_profile_manager().list_profiles().items():
        path = Path(profile.file_path or "").expanduser()
        if not path.is_file() or path.resolve() == but.resolve():
            continue
        try:
            holds = bool(pack_files(path)) or purge_log(path, streams=streams, text=text, dry_run=True).found
        except (EventLogError, OSError):
            holds = True  # unknown, so the user is told
        if holds:
            found.append(name)
    return found


def describe(profile: StorageProfile, active: str) -> ProfileInfo:
    """Return a profile with the number and size of its sessions, or with the reason why its log cannot be read."""
    is_active = profile.name == active
    if profile.storage_type == "memory" or not profile.file_path:
        return ProfileInfo(profile, is_active, None, None, 0)
    path = Path(profile.file_path).expanduser()
    try:
        size = sum(file.stat().st_size for file in (path, *pack_files(path), *live_files(path)) if file.is_file())
        with SessionStore(path).model() as model:
            rows = model.sessions()
    except (EventLogError, OSError) as error:
        return ProfileInfo(profile, is_active, None, None, 0, str(error))
    return ProfileInfo(profile, is_active, len(rows), rows[0].started_us if rows else None, size)
