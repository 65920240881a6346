"""Paths of logs and read models; the only module that reads environment variables for them.

`PYTEST_INSIGHT_HOME`, else `~/.pytest_insight`. A profile is a name for a log; `profiles.json` in the home may give it
another path, and names the active profile.
"""

import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..errors import LogUnavailableError, ProfileError
from ..format import DIGEST_SIZE, LOG_SUFFIX

HOME_VARIABLE = "PYTEST_INSIGHT_HOME"
PROFILE_VARIABLE = "PYTEST_INSIGHT_PROFILE"
DEFAULT_PROFILE = "default"
PROFILES_FILE = "profiles.json"
REMOTE_TYPE, BUCKET_TYPE = "remote", "bucket"
"""Types of profiles whose logs are filled from a collector, and from a bucket or a shared folder."""
MIRROR_TYPES = frozenset({REMOTE_TYPE, BUCKET_TYPE})
BUCKET_SCHEMES = frozenset({"s3", "gs", "az", "file"})
"""Schemes of the URLs of buckets; `file` is a folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "profiles"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


class _StoredProfile(msgspec.Struct):
    file_path: str | None = None
    storage_type: str = ""
    url: str | None = None
    api_key_file: str | None = None
    since: str | None = None


class _StoredProfiles(msgspec.Struct):
    profiles: dict[str, _StoredProfile] = {}
    active_profile: str = ""


def home_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of pytest-insight, an absolute path; it need not exist.

    Raises:
        LogUnavailableError: PYTEST_INSIGHT_HOME is not set, and the user has no home folder.
    """
    given = environ.get(HOME_VARIABLE)
    return Path(os.path.abspath(given)) if given else expand_user(Path("~/.pytest_insight"))  # noqa: PTH100


def expand_user(path: Path) -> Path:
    """Return a path with `~` replaced by the user's home folder.

    Raises:
        LogUnavailableError: the path begins with `~`, and the user has no home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:  # a user id without a passwd entry, as `docker run -u` gives it, and no HOME
        hint = f"set {HOME_VARIABLE} to a folder that can be written"
        raise LogUnavailableError(path, "there is no home folder: HOME is not set", hint) from error


def is_own_log(path: Path) -> bool:
    """Return whether a path is the log of a profile in its default place, where no other program keeps files."""
    return path.name.endswith(LOG_SUFFIX) and path.parent == home_dir()


def check_profile_name(name: str) -> str:
    """Return `name` if it is a profile name that is a safe file name everywhere.

    Raises:
        ProfileError: it is not (a ValueError); the message has the rule for names.
    """
    if not _NAME.fullmatch(name) or name.endswith(".") or name.partition(".")[0].lower() in _RESERVED:
        raise ProfileError(
            f"Invalid profile name {name!r}: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit, and no reserved name"
        )
    return name


def resolve_profile(name: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return a profile name: `name`, else PYTEST_INSIGHT_PROFILE, else that of the active profile.

    Raises:
        ValueError: the name is not a profile name.
        LogUnavailableError: `profiles.json` cannot be read.
    """
    given = name or environ.get(PROFILE_VARIABLE)
    if not given:
        given = _read_stored(home_dir(environ)).active_profile or DEFAULT_PROFILE
    return check_profile_name(given)


def profile_log(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of a profile's log; it need not exist.

    Raises:
        ValueError: the name is not a profile name.
        LogUnavailableError: `profiles.json` cannot be read.
    """
    check_profile_name(name)
    home = home_dir(environ)
    stored = _read_stored(home).profiles.get(name)
    if stored is not None and stored.file_path:
        return Path(os.path.abspath(expand_user(Path(stored.file_path))))  # noqa: PTH100
    return home / (name + LOG_SUFFIX)


class RemoteEntry(NamedTuple):
    """The collector or the bucket that a profile mirrors, as `profiles.json` has it."""

    url: str
    api_key_file: str
    """Empty for the key of the environment."""
    since: str
    """Age of the oldest sessions, as `90d`; empty for all."""

    @property
    def storage_type(self) -> str:
        """Type of the profile."""
        return BUCKET_TYPE if is_bucket_url(self.url) else REMOTE_TYPE


def is_bucket_url(url: str) -> bool:
    """Return whether a URL is that of a bucket or a folder, and not of a collector."""
    return url.partition(":")[0] in BUCKET_SCHEMES


def profile_remote(name: str, environ: Mapping[str, str] = os.environ) -> RemoteEntry | None:
    """Return the collector that a profile mirrors; None for any other profile.

    Raises:
        LogUnavailableError: `profiles.json` cannot be read.
    """
    stored = _read_stored(home_dir(environ)).profiles.get(name)
    if stored is None or stored.storage_type not in MIRROR_TYPES:
        return None
    return RemoteEntry(stored.url or "", stored.api_key_file or "", stored.since or "")


def model_path(log: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the read model of a log: under the home, by the digest of the log's absolute path."""
    digest = blake2b(os.fsencode(os.path.realpath(log)), digest_size=DIGEST_SIZE).hexdigest()
    return home_dir(environ) / "models" / f"{digest}.sqlite"


def _read_stored(home: Path) -> _StoredProfiles:
    path = home / PROFILES_FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return _StoredProfiles()
    except OSError as error:
        raise LogUnavailableError(path, error.strerror or str(error), "check its permissions") from error
    try:
        return msgspec.json.decode(data, type=_StoredProfiles)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogUnavailableError(path, f"cannot be read: {error}", "correct or remove the file") from error
