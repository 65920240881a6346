"""A profile as `profiles.json` has it: the name of a log, its place, and the collector that it mirrors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..eventlog.errors import ProfileError
from ..eventlog.home.paths import BUCKET_TYPE, MIRROR_TYPES, REMOTE_TYPE, check_profile_name
from .views.times import as_utc, utc_text

STORAGE_TYPES = ("json", "memory", REMOTE_TYPE, BUCKET_TYPE)


@dataclass
class StorageProfile:
    """A named log and where it is.

    Args:
        name: 1 to 64 letters, digits, `.`, `_` or `-`.
        storage_type: `json` for an event log in a file, `memory` for one that is gone with the process, `remote` for
            one in a file that is filled from a collector, `bucket` for one that is filled from a bucket or a folder.
        file_path: where the log is; None for the default place.
        created, last_modified: aware times in UTC, None if not known.
        created_by, last_modified_by: names of users.
        url, api_key_file, since: of a profile that mirrors: the collector or the bucket, the file with the key, and the
            age of the oldest sessions, as `90d`.

    Raises:
        ValueError: the name or the type is invalid.
    """

    name: str
    storage_type: str = "json"
    file_path: str | None = None
    created: datetime | None = None
    last_modified: datetime | None = None
    created_by: str | None = None
    last_modified_by: str | None = None
    url: str | None = None
    api_key_file: str | None = None
    since: str | None = None

    def __post_init__(self) -> None:
        check_profile_name(self.name)
        if self.storage_type not in STORAGE_TYPES:
            raise ProfileError(f"Unknown storage type {self.storage_type!r}: use one of {', '.join(STORAGE_TYPES)}")
        if self.file_path is not None:
            self.file_path = str(self.file_path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; times in ISO 8601, in UTC with `Z`; the last three only of one that mirrors."""
        remote = {"url": self.url, "api_key_file": self.api_key_file, "since": self.since}
        return {
            "name": self.name,
            "storage_type": self.storage_type,
            "file_path": self.file_path,
            "created": utc_text(self.created) if self.created else None,
            "last_modified": utc_text(self.last_modified) if self.last_modified else None,
            "created_by": self.created_by,
            "last_modified_by": self.last_modified_by,
            **(remote if self.storage_type in MIRROR_TYPES else {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StorageProfile":
        """Make a profile of what `to_dict` returned.

        Raises:
            ValueError: a value is missing or is not what it should be.
        """
        if not data.get("name"):
            raise ProfileError("a profile needs a name")
        return cls(
            name=str(data["name"]),
            storage_type=str(data.get("storage_type") or "json"),
            file_path=data.get("file_path"),
            created=parse_moment(data.get("created")),
            last_modified=parse_moment(data.get("last_modified")),
            created_by=data.get("created_by"),
            last_modified_by=data.get("last_modified_by"),
            url=data.get("url"),
            api_key_file=data.get("api_key_file"),
            since=data.get("since"),
        )


def parse_moment(value: object) -> datetime | None:
    """Return a time of the file, None without one; a naive one, as the earlier plugin wrote them, is local time."""
    if not value:
        return None
    try:
        return as_utc(value if isinstance(value, datetime) else datetime.fromisoformat(str(value)))
    except (ValueError, OverflowError):
        return None
