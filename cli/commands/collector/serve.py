"""`insight serve`: the collector, which keeps the test results of a team."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ...arguments.collector import DatabaseOption, FolderOption, SegmentsOption, require_server
from ...formatters.data import print_json
from ...options import JsonOption
from ...terminal.safe import safe_line
from ...terminal.screen import console

HostOption = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]

TlsCertOption = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate, for https.", exists=True, dir_okay=False)
]
TlsKeyOption = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key.", exists=True, dir_okay=False)
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that serve the port.")]
RequestsOption = Annotated[
    int,
    typer.Option(
        "--requests-per-minute",
        min=0,
        envvar="INSIGHT_REQUESTS_PER_MINUTE",
        help="Requests that one key may send to each process; 0 for no limit.",
    ),
]
PagesOption = Annotated[
    bool, typer.Option("--pages/--no-pages", help="Serve the pages of `insight report` to browsers that log in.")
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure-http", help="Serve without TLS beyond this machine: behind a proxy that has it.")
]


def command(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8765,
    db_url: DatabaseOption = "",
    folder: FolderOption = None,
    tls_cert: TlsCertOption = None,
    tls_key: TlsKeyOption = None,
    insecure_http: InsecureOption = False,
    workers: WorkersOption = 1,
    requests: RequestsOption = 6000,
    segments: SegmentsOption = "",
    pages: PagesOption = True,
    as_json: JsonOption = False,
) -> None:
    """Run the collector: it takes the logs of a team over HTTP, keeps them in PostgreSQL and answers questions.

    Without --db-url it starts a private PostgreSQL. The first start prints an admin key, once. With --segments the
    events are objects in a bucket, and the database has the rows that name them. In a browser its address shows the
    pages of `insight report` about a team, after a login with a key.

    Example: insight serve --port 8765
    """
    require_server()
    from ....api.internal.logs import home_dir
    from ....collector.bodies.store import BodiesUnavailableError
    from ....collector.limits import RequestLimits
    from ....collector.server.running import ServeSettings, StartedServer, serve

    def announce(started: StartedServer) -> None:
        _announce(started, as_json=as_json)
        sys.stdout.flush()  # a program that started this one reads the URL from here

    answering = (sys.executable, "-m", "pytest_insight.cli.answering")
    settings = ServeSettings(
        host,
        port,
        db_url,
        folder or home_dir() / "collector",
        answering,
        tls_cert,
        tls_key,
        insecure_http,
        workers,
        segments,
        RequestLimits(requests=requests),
        pages,
    )
    try:
        serve(settings, announce)
    except BodiesUnavailableError as error:
        raise ConnectionError(f"segments: {error}") from error


def _announce(started: Any, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": started.url, "key": started.first_key, "database": started.database})
        return
    out = console()
    out.print(f"serves {safe_line(started.url)}; database: {safe_line(started.database)}", soft_wrap=True)
    if started.first_key:
        out.print(f"admin key, shown only now: {started.first_key}", soft_wrap=True)
