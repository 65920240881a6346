"""The server process: database, schema, first key, HTTP."""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from ..access.audit import record_action
from ..access.keys import ROLES, create_key, list_keys
from ..access.teams import DEFAULT_TEAM, ensure_team
from ..bodies.owning import check_segments
from ..database.connections import open_engine
from ..database.migrating import check_schema, upgrade_schema
from ..database.private_server import PrivateServer
from ..limits import RequestLimits
from ..views.process import ProjectorProcess
from .process.http_server import open_socket
from .process.workers import WorkerSettings, serve_here, serve_in_processes


@dataclass(frozen=True)
class ServeSettings:
    """Settings of `insight serve`."""

    host: str = "127.0.0.1"
    port: int = 8765
    db_url: str = ""
    """Empty: a private server in `folder`."""
    folder: Path = Path()
    """Of the private server and of the copies of logs that questions about the past read."""
    command: tuple[str, ...] = ()
    """Starts a process that answers questions."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_http: bool = False
    """Serve without TLS beyond the loopback address."""
    workers: int = 1
    """Processes that serve the port."""
    segments: str = ""
    """URL of the bucket with the bodies of segments; empty without one."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    has_pages: bool = True
    """Whether it serves the pages for browsers too."""


@dataclass(frozen=True)
class StartedServer:
    """Address and first key of a server that begins to serve."""

    url: str
    first_key: str
    """An admin key, if the database had no key before; shown once."""
    database: str


def serve(settings: ServeSettings, announce: Callable[[StartedServer], None]) -> None:
    """Serve until the process is asked to end.

    Args:
        settings: of the command line.
        announce: called when the socket listens.

    Raises:
        SchemaMismatchError: the schema of the database given by its URL is not up to date.
        SegmentsSettingError: the bucket is not that of the database, or one is missing.
        BodiesUnavailableError: the bucket cannot be used now.
        ValueError: keys would be sent in the clear over a network.
        OSError: the port is taken.
    """
    _refuse_plain_http(settings)
    with open_socket(settings.host, settings.port) as listening:
        private = None if settings.db_url else PrivateServer(settings.folder)
        try:
            url = settings.db_url or (private.url if private else "")
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            scheme = "https" if settings.tls_cert else "http"
            where = str(settings.folder / "postgres") if private else "the given URL"
            first_key = _prepare_database(url, settings.segments, upgrade=private is not None)
            announce(StartedServer(f"{scheme}://{shown}:{port}", first_key, where))
            _serve_on(settings, url, listening)
        finally:
            if private is not None:
                private.stop()


def _prepare_database(url: str, segments: str, *, upgrade: bool) -> str:
    """Check schema and bucket of a database, and return the text of a new admin key; empty if it has keys."""
    engine = open_engine(url, segments=segments)
    try:
        if upgrade:
            upgrade_schema(engine)
        check_schema(engine)
        check_segments(engine, adopt=True)
        return _ensure_first_key(engine)
    finally:
        engine.dispose()


def _refuse_plain_http(settings: ServeSettings) -> None:
    """Refuse to let keys be sent in the clear, unless that is asked for.

    Raises:
        ValueError: the address is not of this machine alone, and there is no certificate.
    """
    if settings.tls_cert or settings.insecure_http:
        return
    found = {item[4][0] for item in socket.getaddrinfo(settings.host, None, type=socket.SOCK_STREAM)}
    if not all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found):
        raise ValueError(
            f"{settings.host}: keys would be sent in the clear; give --tls-cert and --tls-key,"
            " or --insecure-http behind a proxy that has a certificate"
        )


def _serve_on(settings: ServeSettings, url: str, listening: socket.socket) -> None:
    tls = {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}
    worker = WorkerSettings(
        url,
        settings.folder / "views",
        tuple(settings.command),
        settings.limits,
        settings.segments,
        settings.has_pages,
        tls,
    )
    projector = ProjectorProcess(url, settings.segments)
    projector.start()
    try:
        if settings.workers == 1:
            serve_here(worker, listening)
        else:
            serve_in_processes(worker, listening, settings.workers)
    finally:
        projector.close()


def _ensure_first_key(engine: Engine) -> str:
    """Return the text of an admin key that is made for a database without keys; an empty text if there are some."""
    with engine.begin() as connection:
        if list_keys(connection):
            return ""
        team = ensure_team(connection, DEFAULT_TEAM)
        key_id, text = create_key(connection, team.id, ROLES["admin"], owner="first key")
        record_action(connection, "key.created", team=team.id, key=key_id, by="insight serve")
        return text
