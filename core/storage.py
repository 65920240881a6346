"""Storage of test sessions: profiles, storages, export and import (docs/profiles-and-exchange.md)."""

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ..eventlog.documents.sessions import convert_session
from ..eventlog.home.paths import MIRROR_TYPES, RemoteEntry, profile_log, resolve_profile
from ..eventlog.merging.conflicts import Strategy
from ..eventlog.merging.staging import staging
from ..eventlog.targets.memory_profiles import open_memory_log
from ..eventlog.times import from_datetime
from .backends import IN_COLLECTOR, RemoteStorageConfig, StorageBackend, load_backend
from .exchange.export import converted_lines, export_log_lines, replacing, write_sessions
from .exchange.formats import format_of
from .exchange.hiding import clear
from .exchange.importing import ImportReport, ImportStats, add_sessions, import_file, incoming_sessions, parse_strategy
from .exchange.sources import read_contents
from .exchange.store import SessionStore
from .own_files import check_output
from .profiles import (
    ProfileManager,
    StorageProfile,
    create_profile,
    delete_profile,
    get_active_profile,
    get_profile_manager,
    list_profiles,
    switch_profile,
)
from .views.session import TestSession
from .views.whole import sessions_in

__all__ = [
    "BaseStorage",
    "ImportStats",
    "InMemoryStorage",
    "JSONStorage",
    "ProfileManager",
    "RemoteStorageConfig",
    "StorageBackend",
    "StorageProfile",
    "create_profile",
    "delete_profile",
    "get_active_profile",
    "get_profile_manager",
    "get_storage_instance",
    "list_profiles",
    "load_sessions",
    "switch_profile",
]


def __getattr__(name: str) -> Any:
    if name in IN_COLLECTOR:
        return load_backend(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


COUNTS: tuple[str, ...] = ("total", "imported", "skipped", "errors", "added", "updated")
Wanted = Callable[[TestSession], object]


class BaseStorage(StorageBackend):
    """A place for sessions. Another implementation needs the three abstract methods; the others call them."""

    @abstractmethod
    def save_session(self, test_session: TestSession) -> None:
        """Keep a session. One whose id is there already: equal content changes nothing, other content supersedes it."""

    @abstractmethod
    def load_sessions(self) -> list[TestSession]:
        """Return all sessions, the earliest first."""

    @abstractmethod
    def clear_sessions(self, sessions_to_clear: Iterable[TestSession] | None = None) -> int:
        """Remove sessions, and return how many were there.

        Args:
            sessions_to_clear: sessions, told by their ids; None for all. An empty list, or a query that found nothing,
                removes nothing.
        """

    def save_sessions(self, test_sessions: Iterable[TestSession]) -> None:
        """Keep several sessions."""
        for session in test_sessions:
            self.save_session(session)

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:  # noqa: ARG002
        """Return at least the sessions of a system that started at a time or later, the earliest first.

        Queries ask this; an implementation that can look these two up does less than load everything.
        """
        return self.load_sessions()

    def get_session_by_id(self, session_id: str) -> TestSession | None:
        """Return the session with this id, or None."""
        return next((session for session in self.load_sessions() if session.session_id == session_id), None)

    def get_last_session(self) -> TestSession | None:
        """Return the session that started last, or None."""
        return max(self.load_sessions(), key=lambda session: session.session_start_time, default=None)

    def export_sessions(
        self,
        export_path: Path | str,
        days: float | None = None,
        sut_name: str | None = None,
        filter_func: Wanted | None = None,
        output_format: str | None = None,
    ) -> int:
        """Write sessions to a file, and return how many. Filters are combined with AND.

        Args:
            export_path: the file; it is replaced when the export is complete.
            days: only sessions that started within so many days.
            sut_name: only of this system under test.
            filter_func: only for which it returns something true.
            output_format: `json`, `jsonl` or `csv`; None goes by the ending of the name, `jsonl` for other endings.

        Raises:
            ValueError: there is no such format, or `days` is negative.
            FileExistsError: the file is a log or another file that belongs to a profile.
            OSError: the file cannot be written; one that was there is as it was.
        """
        form = format_of(export_path, output_format)
        check_output(Path(export_path))
        wanted = self._sessions_to_clear(days, sut_name, filter_func)
        with replacing(Path(export_path)) as out:
            if form == "jsonl":
                self._write_lines(out, wanted)
            else:
                write_sessions(out, wanted, form, self._fill)
        return len(wanted)

    def import_sessions(self, import_path: Path | str, merge_strategy: str = "skip_existing") -> ImportStats:
        """Add the sessions of a file.

        Args:
            import_path: an export, an event log, a file of the earlier plugin; plain, `.gz` or in a `.zip`.
            merge_strategy: what becomes of a session whose id is there already: `skip_existing`, `replace_existing` or
                `keep_both`, which gives the imported one an id with a suffix.

        Returns:
            Counts: `total = imported + skipped + errors`, `imported = added + updated`; `reasons` says what was wrong
            with entries that could not be read.

        Raises:
            ValueError: there is no such strategy, or the file cannot be read at all; nothing was changed.
            FileNotFoundError: there is no such file.
        """
        strategy = parse_strategy(merge_strategy)
        counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
        with staging() as stage:
            contents = read_contents(import_path, stage)
            counts["errors"] = len(contents.errors)
            for incoming in contents.sessions:
                for session in sessions_in(b"".join(incoming.read())):
                    counts[self._take(session, incoming.stream, strategy)] += 1
        counts["imported"] = counts["added"] + counts["updated"]
        counts["total"] = counts["imported"] + counts["skipped"] + counts["errors"]
        return ImportStats(counts, contents.errors)

    def _take(self, session: TestSession, stream: str, strategy: Strategy) -> str:
        """Add one imported session to an implementation that knows nothing but ids."""
        here = self.get_session_by_id(session.session_id)
        if here is None:
            self.save_session(session)
            return "added"
        same = convert_session(here.to_dict()).stream == convert_session(session.to_dict()).stream
        if same or strategy is Strategy.SKIP_EXISTING:
            return "skipped"
        if strategy is Strategy.REPLACE_EXISTING:
            self.save_session(session)
            return "updated"
        session.session_id = f"{session.session_id}~{stream[:8]}"
        if self.get_session_by_id(session.session_id) is not None:
            return "skipped"
        self.save_session(session)
        return "added"

    def _sessions_to_clear(
        self, days: float | None, sut_name: str | None, filter_func: Wanted | None
    ) -> list[TestSession]:
        if days is not None and days < 0:
            raise ValueError(f"days cannot be negative: {days}")
        since = None if days is None else datetime.now(UTC) - timedelta(days=days)
        return [
            session
            for session in self.load_sessions()
            if since is None or session.session_start_time >= since
            if sut_name is None or session.sut_name == sut_name
            if filter_func is None or filter_func(session)
        ]

    def _write_lines(self, out: object, wanted: list[TestSession]) -> None:
        out.write(converted_lines(wanted))  # type: ignore[attr-defined]

    def _fill(self, session: TestSession) -> None:
        """Read everything of a session; implementations that read later do it here."""


class LogStorage(BaseStorage):
    """Sessions in an event log. Safe to use from several threads and processes at once.

    Args:
        store: the log with its read model.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._new_profile: Callable[[], object] | None = None

    def save_session(self, test_session: TestSession) -> None:
        """Keep a session. One whose id is there already: equal content changes nothing, other content supersedes it.

        Raises:
            ValueError: the session cannot be kept, with the place that is wrong.
            EventLogError, OSError: the log cannot be written.
        """
        self.save_sessions([test_session])

    def save_sessions(self, test_sessions: Iterable[TestSession]) -> None:
        """Keep several sessions, at once."""
        new = incoming_sessions(test_sessions)
        self._create_profile()
        add_sessions(self._store, new)

    def load_sessions(self) -> list[TestSession]:
        """Return all sessions, the earliest first; results and captured texts are read when they are asked for."""
        return self._store.sessions()

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:
        """Return the sessions of a system that started at a time or later, the earliest first."""
        return self._store.sessions(sut_name, None if since is None else from_datetime(since))

    def get_session_by_id(self, session_id: str) -> TestSession | None:
        """Return the session with this id, or None."""
        return self._store.session_named(session_id)

    def get_last_session(self) -> TestSession | None:
        """Return the session that started last, or None."""
        return self._store.last_session()

    def clear_sessions(self, sessions_to_clear: Iterable[TestSession] | None = None) -> int:
        """Clear sessions, and return how many were there: they are not shown any more, by events that say so.

        Args:
            sessions_to_clear: sessions, or the result of a query; None for all, nothing found is nothing cleared.

        Raises:
            EventLogError, OSError: the log cannot be written; nothing was cleared.
        """
        if self._store.check_readable is not None:
            self._store.check_readable()
        if sessions_to_clear is None:
            return clear(self._store, None)
        streams: set[str] = set()
        for session in sessions_to_clear:
            stored = self._store.session_named(session.session_id)
            if stored is not None:
                streams.add(stored.stream)
        return clear(self._store, streams)

    def import_sessions(self, import_path: Path | str, merge_strategy: str = "skip_existing") -> ImportStats:
        """Add the sessions of a file; see `BaseStorage.import_sessions`. Lines of event logs are copied as they are."""
        strategy = parse_strategy(merge_strategy)
        if not Path(import_path).exists():
            raise FileNotFoundError(2, "No such file or directory", str(import_path))
        self._create_profile()
        report: ImportReport = import_file(self._store, import_path, strategy)
        return report.stats

    @property
    def store(self) -> SessionStore:
        """The log with its read model."""
        return self._store

    def of_new_profile(self, name: str, profiles: ProfileManager) -> Self:
        """Be the storage of a profile that does not exist: writing creates it, reading is an error."""

        def check_readable() -> None:
            if name not in profiles.profiles:
                raise profiles.unknown_profile(name)

        self._store.check_readable = check_readable
        self._new_profile = lambda: profiles.ensure_profile(name)
        return self

    def _create_profile(self) -> None:
        """Create the profile, if the storage is of one that did not exist."""
        if self._new_profile is not None:
            self._new_profile()
            self._new_profile = self._store.check_readable = None

    def _write_lines(self, out: object, wanted: list[TestSession]) -> None:
        export_log_lines(self._store, {session.stream for session in wanted}, out)  # type: ignore[arg-type]

    def _fill(self, session: TestSession) -> None:
        self._store.fill(session)


class JSONStorage(LogStorage):
    """Sessions in an event log in a file, JSON Lines.

    An old JSON document found there is read as it is, and converted when something is to be added; the original is
    kept as `NAME.bak`.

    Args:
        file_path: the log; None for that of the profile.
        profile_name: the profile; None for the active one. For one that does not exist see `get_storage_instance`.

    Raises:
        ValueError: the name is no profile name.
    """

    def __init__(self, file_path: Path | str | None = None, profile_name: str | None = None) -> None:
        path = Path(file_path).expanduser() if file_path else profile_log(resolve_profile(profile_name))
        super().__init__(SessionStore(path))
        self.file_path = path
        self.profile_name = profile_name
        if profile_name and not file_path and profile_name not in get_profile_manager().profiles:
            self.of_new_profile(profile_name, get_profile_manager())

    def __repr__(self) -> str:
        return f"JSONStorage({str(self.file_path)!r})"


class InMemoryStorage(LogStorage):
    """Sessions in an event log in memory: the same in everything but that it is gone with the object.

    Args:
        sessions: to begin with.
    """

    def __init__(self, sessions: Iterable[TestSession] | None = None) -> None:
        super().__init__(SessionStore(None))
        if sessions is not None:
            self.save_sessions(sessions)

    def __repr__(self) -> str:
        return f"InMemoryStorage({len(self.load_sessions())} sessions)"


_in_memory: dict[tuple[Path, str, object], InMemoryStorage] = {}
_in_memory_mutex = threading.Lock()


def get_storage_instance(profile_name: str | None = None, *, manager: ProfileManager | None = None) -> LogStorage:
    """Return the storage of a profile.

    Args:
        profile_name: None for the active profile. One that does not exist is created (`json`, in the default place)
            when something is saved in it or imported to it; reading from it is a ValueError that names the nearest one.
        manager: of which `profiles.json`; None for the one in the home.

    Raises:
        ValueError: the name is no profile name.
    """
    profiles = manager or get_profile_manager()
    profile = profiles.profiles.get(profile_name) if profile_name else profiles.get_profile()
    if profile is None:
        name = str(profile_name)
        return JSONStorage(profiles.default_log(name), name).of_new_profile(name, profiles)
    if profile.storage_type == "memory":
        with _in_memory_mutex:
            key = (profiles.config_path, profile.name, profile.created)
            if key not in _in_memory:
                _in_memory[key] = InMemoryStorage()
                _in_memory[key].store.target = open_memory_log(profiles.config_path, profile.name)
            return _in_memory[key]
    storage = JSONStorage(profile.file_path, profile.name)
    if profile.storage_type in MIRROR_TYPES:
        from .remotes import CatchingUp, mirror_of_profile  # noqa: PLC0415 - rarely needed

        entry = RemoteEntry(profile.url or "", profile.api_key_file or "", profile.since or "")
        storage.store.catch_up = CatchingUp(mirror_of_profile(entry, storage.file_path))
    return storage


def load_sessions(profile_name: str | None = None) -> dict[str, TestSession]:
    """Return the sessions of a profile by their ids, the earliest first.

    Raises:
        ValueError: there is no such profile; the message names the nearest one.
    """
    return {session.session_id: session for session in get_storage_instance(profile_name).load_sessions()}
