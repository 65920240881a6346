"""Profiles: named logs, kept in `profiles.json`; profiles in memory live as long as the process."""

import fnmatch
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from ..eventlog.errors import ProfileError
from ..eventlog.home.paths import DEFAULT_PROFILE, MIRROR_TYPES, PROFILE_VARIABLE, RemoteEntry, check_profile_name
from ..eventlog.home.profiles import Document, ProfilesFile, new_entry, now_text, user_name
from ..eventlog.targets.memory_profiles import drop_memory_log, open_memory_log
from .naming.nearest import did_you_mean
from .own_files import check_new_log
from .stored_profile import STORAGE_TYPES, StorageProfile, parse_moment


class ProfileManager:
    """The profiles of one `profiles.json`; every look reads the file, so that other processes' changes are seen.

    Args:
        config_path: the file; None for the one in the home.
    """

    def __init__(self, config_path: Path | str | None = None) -> None:
        self._file = ProfilesFile(Path(config_path).expanduser() if config_path else None)
        self._mutex = threading.RLock()
        self._memory: dict[str, StorageProfile] = {}
        self._memory_active = ""

    @property
    def config_path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def profiles(self) -> dict[str, StorageProfile]:
        """All profiles by name, those in memory included; a copy."""
        return self._profiles_of(self._file.read())

    @property
    def active_profile_name(self) -> str:
        """Name of the active profile: PYTEST_INSIGHT_PROFILE if it is set, else the one switched to, else `default`."""
        given = os.environ.get(PROFILE_VARIABLE)
        if given:
            return check_profile_name(given)
        return self._memory_active or self._file.read().get("active_profile") or DEFAULT_PROFILE

    def _create_profile(
        self,
        name: str,
        storage_type: str = "json",
        file_path: Path | str | None = None,
        remote: RemoteEntry | None = None,
    ) -> StorageProfile:
        """Create a profile; `remote` is the collector of a remote one.

        Raises:
            ValueError: the name or the type is invalid, or the profile exists already.
            EventLogError, OSError: the file cannot be read or written.
        """
        path = os.path.abspath(Path(file_path).expanduser()) if file_path else None  # noqa: PTH100 - as it is
        profile = StorageProfile(name, storage_type, path)
        if remote is not None or storage_type in MIRROR_TYPES:
            from .remotes import check_remote  # noqa: PLC0415 - rarely needed

            check_remote(storage_type, remote)
        if path:
            check_new_log(Path(path))
        with self._mutex:
            if storage_type == "memory":
                if name in self.profiles:
                    raise ProfileError(f"Profile '{name}' already exists")
                profile.created = profile.last_modified = parse_moment(now_text())
                profile.created_by = profile.last_modified_by = user_name()
                self._memory[name] = profile
                open_memory_log(self.config_path, name)
                return profile
            entry = new_entry(name, Path(path) if path else self._file.default_log(name), remote)

            def create(document: Document) -> None:
                if name in self._profiles_of(document, implicit=False):
                    raise ProfileError(f"Profile '{name}' already exists")
                document["profiles"][name] = entry

            self._file.change(create)
        return StorageProfile.from_dict(entry)

    def get_profile(self, name: str | None = None) -> StorageProfile:
        """Return a profile, the active one if no name is given; an unknown one that the environment names is created.

        Raises:
            ValueError: there is no such profile.
        """
        wanted = name or self.active_profile_name
        found = self.profiles.get(wanted)
        if found is not None:
            return found
        if name is None and os.environ.get(PROFILE_VARIABLE) == wanted:
            return self.ensure_profile(wanted)
        raise self.unknown_profile(wanted)

    def unknown_profile(self, name: str) -> ProfileError:
        """Return the error that a profile does not exist; it names the one that was probably meant."""
        return _unknown_profile(name, self.profiles)

    def default_log(self, name: str) -> Path:
        """Return where the log of a profile is that is given no other place.

        Raises:
            ValueError: the name is no profile name.
        """
        return self._file.default_log(check_profile_name(name))

    def ensure_profile(self, name: str) -> StorageProfile:
        """Return a profile; one that does not exist is created in the default place.

        Raises:
            ValueError: the name is no profile name.
        """
        check_profile_name(name)
        with self._mutex:
            found = self.profiles.get(name)
            if found is not None:
                return found
            try:
                return self._create_profile(name)
            except ProfileError:
                return self.profiles[name]  # another process was faster

    def switch_profile(self, name: str) -> StorageProfile:
        """Make a profile the active one, and return it.

        Raises:
            ValueError: there is no such profile.
        """
        with self._mutex:
            if name in self._memory:
                self._memory_active = name
                return self._memory[name]

            def switch(document: Document) -> None:
                if name not in (known := self._profiles_of(document)):
                    raise _unknown_profile(name, known)
                document["active_profile"] = name

            document = self._file.change(switch)
            self._memory_active = ""
            return self._profiles_of(document)[name]

    def get_active_profile(self) -> StorageProfile:
        """Return the active profile."""
        return self.get_profile()

    def list_profiles(self, storage_type: str | None = None, pattern: str | None = None) -> dict[str, StorageProfile]:
        """Return profiles by name, in order of name.

        Args:
            storage_type: only of this type.
            pattern: only whose name fits this glob.

        Raises:
            ValueError: there is no such type.
        """
        if storage_type is not None and storage_type not in STORAGE_TYPES:
            raise ProfileError(f"Unknown storage type {storage_type!r}: use one of {', '.join(STORAGE_TYPES)}")
        return {
            name: profile
            for name, profile in sorted(self.profiles.items())
            if storage_type in (None, profile.storage_type)
            if pattern is None or fnmatch.fnmatchcase(name, pattern)
        }

    def delete_profile(self, name: str) -> StorageProfile:
        """Forget a profile, and return it; its log stays where it is.

        Raises:
            ValueError: there is no such profile, or it is the default or the active one.
        """
        with self._mutex:
            if name == DEFAULT_PROFILE:
                raise ProfileError("Cannot delete the default profile")
            found = self.profiles.get(name)
            if found is None:
                raise self.unknown_profile(name)
            if name == self.active_profile_name:
                raise ProfileError("Cannot delete the active profile")
            if self._memory.pop(name, None) is not None:
                drop_memory_log(self.config_path, name)
                return found

            def delete(document: Document) -> None:
                if document.get("active_profile") == name:
                    raise ProfileError("Cannot delete the active profile")
                document["profiles"].pop(name, None)

            self._file.change(delete)
            return found

    def save_session(self, profile: str, session: Any, session_id: str | None = None) -> None:
        """Save a session in a profile; one that does not exist is created.

        Args:
            profile: its name.
            session: a `TestSession`.
            session_id: name of the stored copy; None for the session's own.
        """
        from .exchange.importing import add_sessions, incoming_sessions  # noqa: PLC0415 - slow to import, rarely needed
        from .exchange.store import SessionStore  # noqa: PLC0415

        copy = session.head()
        if session_id is not None:
            copy.session_id = session_id
        new = incoming_sessions([copy])
        found = self.profiles.get(profile) or self.ensure_profile(profile)
        if found.storage_type == "memory":
            store = SessionStore(None, open_memory_log(self.config_path, profile))
        else:
            store = SessionStore(Path(str(found.file_path)).expanduser())
        try:
            add_sessions(store, new)
        finally:
            store.close()

    def _profiles_of(self, document: Document, *, implicit: bool = True) -> dict[str, StorageProfile]:
        found: dict[str, StorageProfile] = {}
        if implicit:
            found[DEFAULT_PROFILE] = StorageProfile(
                DEFAULT_PROFILE, "json", str(self._file.default_log(DEFAULT_PROFILE))
            )
        for name, entry in cast("dict[str, Document]", document["profiles"]).items():
            profile = StorageProfile.from_dict({**entry, "name": name})
            if profile.storage_type != "memory" and not profile.file_path:
                profile.file_path = str(self._file.default_log(name))
            found[name] = profile
        return found | self._memory


def _unknown_profile(name: str, known: Iterable[str]) -> ProfileError:
    return ProfileError(f"Profile '{name}' does not exist{did_you_mean(name, known)}")


_managers: dict[Path, ProfileManager] = {}
_managers_mutex = threading.Lock()


def get_profile_manager() -> ProfileManager:
    """Return the manager of the home's profiles: one a process and home, so that memory profiles are shared."""
    path = ProfilesFile().path
    with _managers_mutex:
        return _managers.setdefault(path, ProfileManager(path))


def create_profile(
    name: str,
    storage_type: str = "json",
    file_path: Path | str | None = None,
    *,
    url: str | None = None,
    api_key_file: Path | str | None = None,
    since: str | None = None,
) -> StorageProfile:
    """Create a profile.

    Args:
        name: 1 to 64 letters, digits, `.`, `_` or `-`.
        storage_type: `json` for an event log in a file, `memory` for one that is gone with the process, `remote` for
            one in a file that is filled from a collector before each question, `bucket` for one that is filled from a
            bucket or a shared folder.
        file_path: where the log is; None for `<home>/<name>.jsonl`.
        url: of the collector or the bucket.
        api_key_file: file with the key to it, which only the user may read; None for that of the environment.
        since: age of the oldest sessions that are fetched, as `90d`; None for all.

    Raises:
        ValueError: the name or the type is invalid, or the profile exists already.
    """
    remote = None
    if url or api_key_file or since:
        key_file = os.path.abspath(Path(api_key_file).expanduser()) if api_key_file else ""  # noqa: PTH100 - as it is
        remote = RemoteEntry((url or "").rstrip("/"), key_file, since or "")
    return get_profile_manager()._create_profile(name, storage_type, file_path, remote)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - both have the documented name


def switch_profile(name: str) -> StorageProfile:
    """Make a profile the active one, and return it.

    Raises:
        ValueError: there is no such profile.
    """
    return get_profile_manager().switch_profile(name)


def delete_profile(name: str) -> StorageProfile:
    """Forget a profile, and return it; its log stays where it is.

    Raises:
        ValueError: there is no such profile, or it is the default or the active one.
    """
    return get_profile_manager().delete_profile(name)


def list_profiles(storage_type: str | None = None, pattern: str | None = None) -> dict[str, StorageProfile]:
    """Return profiles by name, of a type and with a name that fits a glob if those are given."""
    return get_profile_manager().list_profiles(storage_type, pattern)


def get_active_profile() -> StorageProfile:
    """Return the active profile: the one PYTEST_INSIGHT_PROFILE names, else the one switched to, else `default`."""
    return get_profile_manager().get_active_profile()
