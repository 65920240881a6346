"""Which log a run is recorded into."""

import os
from pathlib import Path

from ..eventlog.home import profile_log, resolve_profile


def log_target(log: str, profile: str, folder: Path) -> tuple[Path, str]:
    """Return the absolute path of the log, and the name of the profile; that is empty for a log given by its path.

    Args:
        log: path given by the user, may be relative to `folder`.
        profile: name given by the user, may be empty.
        folder: where pytest was started.

    Raises:
        ValueError: the name is not a profile name.
        LogUnavailableError: `profiles.json` cannot be read.
    """
    if log:
        return Path(os.path.abspath(folder / Path(log).expanduser())), ""  # noqa: PTH100 - links are refused, not followed
    name = resolve_profile(profile)
    return profile_log(name), name
