"""`insight sync-storage`: the service that coordinates the parallel workers of a test run."""

import contextlib
import sys
from typing import Annotated, Literal

import typer

from .common import say

app = typer.Typer(no_args_is_help=True)

DEFAULT_PORT = 49152

_LENIENT = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command("serve", context_settings=_LENIENT)
def serve(
    context: typer.Context,
    test_run: Annotated[
        str,
        typer.Option(
            "--testRunId", metavar="ID", envvar="TMS_TEST_RUN_ID", help="Test run that is meant where none is named."
        ),
    ] = "",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="PORT", envvar="TMS_SYNC_STORAGE_PORT", min=0, max=65535, help="0: any that is free."
        ),
    ] = DEFAULT_PORT,
    base_url: Annotated[
        str, typer.Option("--baseURL", metavar="URL", envvar="TMS_URL", help="What completed runs are reported to.")
    ] = "",
    private_token: Annotated[
        str,
        typer.Option(
            "--privateToken", metavar="TOKEN", envvar="TMS_PRIVATE_TOKEN", help="Its token; kept in memory only."
        ),
    ] = "",
    election: Annotated[
        Literal["handoff", "first"],
        typer.Option(help="handoff: a master that runs no tests gives way to a later worker; first: never."),
    ] = "handoff",
    lease: Annotated[float, typer.Option(metavar="S", help="Silence that makes a worker offline that beats.")] = 95.0,
    silent_lease: Annotated[float, typer.Option(metavar="S", help="The same for one that never did.")] = 900.0,
    quiet: Annotated[float, typer.Option(metavar="S", help="Quiet before a run counts as completed.")] = 2.0,
    idle_exit: Annotated[float, typer.Option(metavar="S", help="End after so long without work; 0: never.")] = 900.0,
) -> None:
    """Run the service, on this machine's loopback addresses only; exit with 3 at once if the port is taken.

    Options that it does not know are ignored, as test frameworks of other releases may pass some.

    Example: insight sync-storage serve --port 49152 --testRunId 3e2d7a6e
    """
    from ..syncstorage import server  # noqa: PLC0415 - commands import what they use
    from ..syncstorage.coordinator import log_path  # noqa: PLC0415
    from ..syncstorage.liveness import Limits  # noqa: PLC0415
    from ..syncstorage.sinks import Connection  # noqa: PLC0415

    server.guard_process()
    sockets = server.listen(port)
    bound = sockets[0].getsockname()[1]
    server.log_to_file(log_path(bound))
    unknown = sorted({argument.partition("=")[0] for argument in context.args if argument.startswith("-")})
    # A broken pipe is no reason not to serve.
    with contextlib.suppress(OSError):
        say(f"sync-storage serves http://localhost:{bound}; its log is {log_path(bound)}")
        if unknown:
            say(f"options that are ignored: {' '.join(unknown)}")
        sys.stderr.flush()
    server.detach_streams()
    server.serve(
        sockets,
        test_run=test_run,
        connection=Connection(base_url, private_token),
        election=election,
        limits=Limits(lease, silent_lease, quiet, idle_exit),
    )
