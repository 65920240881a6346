"""`insight sync-storage`: the service that coordinates the parallel workers of a test run."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ....syncstorage.defaults import DEFAULT_PORT, SilenceLimits
from ....syncstorage.paths import log_path
from ...formatters.data import json_text, print_json
from ...options import JsonOption
from ...terminal.messages import is_terminal, say
from ...terminal.safe import safe_line
from ...terminal.screen import console, painted, rich_console
from .picture import picture_of, print_picture

app = typer.Typer(no_args_is_help=True)


FOLLOW_S = 1.0


END_TIMEOUT_S = 10.0


_LIMITS = SilenceLimits()


TestRunOption = Annotated[
    str,
    typer.Option("--testRunId", metavar="ID", envvar="TMS_TEST_RUN_ID", help="Test run meant where none is named."),
]


PortOption = Annotated[
    int,
    typer.Option(
        "--port", metavar="PORT", envvar="TMS_SYNC_STORAGE_PORT", min=0, max=65535, help="Port of the service."
    ),
]


UrlOption = Annotated[
    str, typer.Option("--baseURL", metavar="URL", envvar="TMS_URL", help="What completed test runs are reported to.")
]


TokenOption = Annotated[
    str,
    typer.Option("--privateToken", metavar="TOKEN", envvar="TMS_PRIVATE_TOKEN", help="Its token; kept in memory only."),
]


ElectionOption = Annotated[
    Literal["handoff", "first"],
    typer.Option(help="handoff: a master that runs no tests gives way, once, to a later worker; first: it stays."),
]


LeaseOption = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="Silence that makes a worker offline which sends keep-alives.")
]


SilentLeaseOption = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="The same for a worker that never sent one.")
]


QuietOption = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="How long all have to be done before a run is completed.")
]


IdleOption = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="End after so long without workers and requests; 0: never.")
]


RequestOption = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="How long a client may take to send a request.")
]


_LENIENT = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command("serve", context_settings=_LENIENT)
def serve(
    context: typer.Context,
    test_run: TestRunOption = "",
    port: PortOption = DEFAULT_PORT,
    base_url: UrlOption = "",
    private_token: TokenOption = "",
    election: ElectionOption = "handoff",
    lease: LeaseOption = _LIMITS.lease_s,
    silent_lease: SilentLeaseOption = _LIMITS.silent_lease_s,
    quiet: QuietOption = _LIMITS.quiet_s,
    idle_exit: IdleOption = _LIMITS.idle_exit_s,
    request_timeout: RequestOption = _LIMITS.request_s,
) -> None:
    """Run the service, on the loopback addresses of this machine; exit with 3 at once if the port is taken.

    Options that it does not know are ignored, as adapters of other releases may pass some.

    Example: insight sync-storage serve --port 49152 --testRunId 3e2d7a6e
    """
    try:
        from ....syncstorage import server
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[sync]'", "sync-storage") from error
    from ....syncstorage.forwarding import forwarding_to
    from ....syncstorage.sinks import Connection

    server.guard_process()
    sockets = server.listen(port)
    port = sockets[0].getsockname()[1]
    server.log_to_file(log_path(port))
    _announce(port, context.args)
    connection = Connection(base_url, private_token)
    server.serve(
        sockets,
        test_run=test_run,
        connection=connection,
        election=election,
        limits=SilenceLimits(lease, silent_lease, quiet, idle_exit, request_timeout),
        sinks=forwarding_to(connection),
        ready=server.detach_streams,
    )


def _announce(port: int, more: list[str]) -> None:
    # Names only: a value behind `=`, or a word of its own, may be a secret.
    unknown = sorted({argument.partition("=")[0] for argument in more if argument.startswith("-")})
    with contextlib.suppress(OSError):  # a broken pipe is no reason not to serve
        say(f"sync-storage serves http://localhost:{port}; its log is {log_path(port)}")
        if unknown:
            say(f"ignored: {safe_line(' '.join(unknown))}")
        sys.stderr.flush()


@app.command("status")
def status(
    port: PortOption = DEFAULT_PORT,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Only this test run.")] = None,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Show it again as it changes, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who works on what: test runs and their workers, who is the master, who is stuck or gone.

    If no service runs, it shows what the last one wrote, and exits with 1.

    Example: insight sync-storage status -f
    """
    from ....api.internal.logs import EventLogError
    from ....syncstorage.inquiry import NoServiceError, report

    try:
        if following:
            _follow(port, run, as_json=as_json)
            return
        found = report(port, run)
    except (NoServiceError, EventLogError, OSError) as error:
        if not as_json:
            raise
        print_json({"running": False, "port": port, "runs": [], "error": str(error)})
        raise typer.Exit(1 if isinstance(error, NoServiceError) else 3) from error
    if as_json:
        print_json(found)
    else:
        print_picture(found)
    raise typer.Exit(0 if found["running"] else 1)


def _follow(port: int, run: str | None, *, as_json: bool) -> None:
    from ....syncstorage.inquiry import report

    reports = _changes(lambda: report(port, run))
    if as_json:
        for found in reports:
            typer.echo(json_text(found))
            sys.stdout.flush()
    elif not is_terminal():
        for found in reports:
            print_picture(found)
    else:
        from rich.live import Live

        with Live(console=rich_console(), auto_refresh=False) as live:
            for found in _every(lambda: report(port, run)):
                live.update(painted(picture_of(found)), refresh=True)


def _every(look: Callable[[], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while True:
        yield look()
        time.sleep(FOLLOW_S)


def _changes(look: Callable[[], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each report that says something new, apart from how long ago a worker was heard of."""
    before: tuple[list[dict[str, Any]], object] | None = None
    for found in _every(look):
        runs = found["runs"]
        news = (
            [run | {"workers": [worker | {"last_seen_s": 0} for worker in run["workers"]]} for run in runs],
            found["running"],
        )
        if news != before:
            before = news
            yield found


@app.command("install")
def install(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the tests are started.", file_okay=False)
    ] = Path(),
    client_version: Annotated[
        str, typer.Option(metavar="VERSION", help="What the adapter asks for (default: as the installed client does).")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Let an unmodified Test IT adapter start this service by itself: put a script where it looks for its own program.

    To be repeated after an upgrade of the adapter. A real program in the place is never overwritten.

    Example: insight sync-storage install
    """
    from ....syncstorage.shim import install as install_shim

    installed = install_shim(folder, client_version)
    if as_json:
        print_json(installed._asdict())
    else:
        console().print(f"{installed.action}: {safe_line(installed.path)}", soft_wrap=True)


@app.command("stop")
def stop(port: PortOption = DEFAULT_PORT, as_json: JsonOption = False) -> None:
    """End the service; test runs that are open stay open in its journal, and go on when it is started again.

    Example: insight sync-storage stop
    """
    from ....syncstorage.inquiry import ask_to_end, is_running

    ask_to_end(port)
    deadline_s = time.monotonic() + END_TIMEOUT_S
    while is_running(port):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the service on port {port} still runs after {END_TIMEOUT_S:g} s")
        time.sleep(0.05)
    if as_json:
        print_json({"port": port, "running": False})
    else:
        console().print(f"the service on port {port} has ended")
