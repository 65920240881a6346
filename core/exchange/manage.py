"""What the command line asks of profiles and logs, beyond the documented API."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...eventlog.codec import line_digest, parse_envelope
from ...eventlog.errors import EventLogError
from ...eventlog.home.paths import profile_log, resolve_profile
from ...eventlog.home.profiles import register_profile
from ...eventlog.maintenance.purge import purge_log
from ...eventlog.merging.conflicts import Strategy
from ...eventlog.merging.staging import staging
from ...eventlog.sources import live_files, pack_files
from ...projections.apply import SessionRow
from ..profiles import StorageProfile, get_profile_manager, list_profiles
from ..references import session_named, sut_named
from ..selection import Candidate, matches
from .export import ImportReport, contents_of
from .ingest import ingest
from .sources import nodeids_of
from .store import SessionStore


@dataclass(frozen=True)
class ProfileInfo:
    """A profile with what is in it."""

    profile: StorageProfile
    active: bool
    sessions: int | None
    """None if it cannot be told."""
    last_us: int | None
    """When its last session started."""
    size_bytes: int
    problem: str = ""


def store_of(profile: str | None, *, must_exist: bool = False, create: bool = False) -> SessionStore:
    """Return the store of a profile.

    Args:
        profile: its name; None for the active one.
        must_exist: its log must be there.
        create: put an unknown profile into `profiles.json`.

    Raises:
        ProfileError: the name is no profile name.
        FileNotFoundError: there is no log.
    """
    name = resolve_profile(profile)
    path = profile_log(name)
    if must_exist and not (path.exists() or live_files(path) or pack_files(path)):
        if profile and name not in list_profiles():
            raise get_profile_manager().unknown_profile(name)
        raise FileNotFoundError(2, f"profile {name} has no log yet; record a run with `pytest --insight`", str(path))
    if create:
        register_profile(name)
    return SessionStore(path)


def candidates_of(store: SessionStore) -> list[Candidate]:
    """Return the visible sessions of a store, the earliest first."""
    with store.model() as model:
        rows = model.sessions()
    return [
        Candidate(row.session_id, row.sut, row.started_us, _nodeids_later(store, row.stream), row.stream)
        for row in reversed(rows)
    ]


def _nodeids_later(store: SessionStore, stream: str) -> Callable[[], set[str]]:
    def read() -> set[str]:
        with store.model_as_it_is() as model:
            return {attempt.nodeid for attempt in model.attempts(stream)}

    return read


def full_sut_name(store: SessionStore, text: str) -> str:
    """Return the system under test that is meant; see `references.sut_named`."""
    with store.model() as model:
        return sut_named(model, text)


def streams_of(store: SessionStore, prefixes: Iterable[str]) -> list[str]:
    """Return the streams of visible sessions by the beginnings of their ids, or of a commit that has only one.

    Raises:
        LookupError: there is none, or there are several.
    """
    with store.model() as model:
        return [session_named(model, prefix).stream for prefix in prefixes]


def any_streams_of(store: SessionStore, prefixes: Iterable[str]) -> list[str]:
    """Return the streams of sessions, hidden ones too, by the beginnings of their ids or streams.

    Raises:
        LookupError: there is none, or there are several.
    """
    with store.model() as model:
        rows = model.sessions(hidden=True)
    found: list[str] = []
    for prefix in prefixes:
        fits = [row for row in rows if row.session_id.startswith(prefix) or row.stream.startswith(prefix)]
        exact = [row for row in fits if prefix in (row.session_id, row.stream)] or fits
        if len(exact) != 1:
            problem = "no session" if not exact else f"{len(exact)} sessions"
            raise LookupError(f"{problem} with an id or stream that begins with {prefix!r}")
        found.append(exact[0].stream)
    return found


def profiles_with(streams: frozenset[str], text: re.Pattern[str] | None, but: Path) -> list[str]:
    """Return the names of profiles in whose logs a purge would find something, other than the log `but`."""
    found: list[str] = []
    for name, profile in get_profile_manager().list_profiles("json").items():
        path = Path(profile.file_path or "").expanduser()
        if not path.is_file() or path.resolve() == but.resolve():
            continue
        try:
            holds = bool(pack_files(path)) or purge_log(path, streams=streams, text=text, dry_run=True).found
        except (EventLogError, OSError):
            holds = True  # it cannot be told
        if holds:
            found.append(name)
    return found


def hidden_sessions(store: SessionStore) -> list[SessionRow]:
    """Return the sessions that are in the log and not shown, the newest first."""
    with store.model() as model:
        shown = {row.stream for row in model.sessions()}
        return [row for row in model.sessions(hidden=True) if row.stream not in shown]


def describe(profile: StorageProfile, active: str) -> ProfileInfo:
    """Return a profile with what is in it; one whose log cannot be read says why."""
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


def merge_store(
    target: SessionStore, source: SessionStore, strategy: Strategy, *, pattern: str | None = None, dry_run: bool = False
) -> ImportReport:
    """Add what a profile has to another one.

    Its visible sessions by the strategy, and, without a pattern, what its log says about sessions: a session that was
    cleared there is cleared here, and one that was cleared here stays cleared.

    Args:
        target: where to.
        source: where from.
        strategy: what becomes of sessions whose label another bears.
        pattern: only sessions with a name or a test that fits this glob.
        dry_run: only say what would become of each.

    Raises:
        EventLogError, OSError: a log cannot be read or written; what was added stays, and merging again goes on.
    """
    with staging() as stage:
        contents = contents_of(source, stage)
        sessions = contents.sessions
        if pattern is not None:
            sessions = [one for one in sessions if matches(pattern, one.label, lambda one=one: nodeids_of(one))]
        report = ImportReport(errors=contents.errors)
        report.outcomes.extend(ingest(target, sessions, strategy, restore=False, dry_run=dry_run))
        if pattern is None and not dry_run:
            add_statements(target, contents.statements)
        return report


def add_statements(store: SessionStore, statements: list[bytes]) -> None:
    """Add streams that speak about sessions, as far as the log does not have them."""
    if not statements:
        return
    with store.target.locked() as append:
        with store.model() as model:
            known = {stream: model.part_of(stream) for stream in map(_stream_of, statements)}
        for lines in statements:
            part = known[_stream_of(lines)]
            if part is None:
                append(lines)
            elif part.events < lines.count(b"\n"):
                append(_missing(lines, part.last_seq))


def _stream_of(lines: bytes) -> str:
    envelope = parse_envelope(lines)
    return envelope.stream if envelope is not None else ""


def _missing(lines: bytes, last_seq: int) -> bytes:
    new = [line for line in lines.split(b"\n") if line and line_digest(line)]
    return b"".join(line + b"\n" for line in new if (parse_envelope(line) or (0, 0, 0, 0))[3] > last_seq)
