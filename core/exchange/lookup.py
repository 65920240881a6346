"""Find stores and sessions by the names that users type."""

from collections.abc import Callable, Iterable

from ...eventlog.home.paths import profile_log, resolve_profile
from ...eventlog.home.profiles import register_profile
from ...eventlog.sources import live_files, pack_files
from ...projections.session_row import SessionRow
from ..history.references import session_named, sut_named
from ..history.selection import Candidate
from ..profiles import get_profile_manager, list_profiles
from .store import SessionStore


def store_of(profile: str | None, *, must_exist: bool = False, create: bool = False) -> SessionStore:
    """Return the store of a profile.

    Args:
        profile: its name; None for the active one.
        must_exist: its log must be there.
        create: put an unknown profile into `profiles.json`.

    Raises:
        ProfileError: the name is not a profile name.
        FileNotFoundError: the profile has no log.
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
    """Return the full name of a system under test; see `references.sut_named`."""
    with store.model() as model:
        return sut_named(model, text)


def streams_of(store: SessionStore, prefixes: Iterable[str]) -> list[str]:
    """Return the streams of visible sessions by the beginnings of their ids, or of a commit that has only one.

    Raises:
        LookupError: no session or several sessions match.
    """
    with store.model() as model:
        return [session_named(model, prefix).stream for prefix in prefixes]


def any_streams_of(store: SessionStore, prefixes: Iterable[str]) -> list[str]:
    """Return the streams of sessions, hidden ones too, by the beginnings of their ids or streams.

    Raises:
        LookupError: no session or several sessions match.
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


def hidden_sessions(store: SessionStore) -> list[SessionRow]:
    """Return the sessions that are in the log and not shown, the newest first."""
    with store.model() as model:
        shown = {row.stream for row in model.sessions()}
        return [row for row in model.sessions(hidden=True) if row.stream not in shown]
