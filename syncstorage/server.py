"""`serve`: the service on listening sockets, with its journal and its sinks."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version

from ..eventlog.errors import EventLogError
from .defaults import SilenceLimits
from .paths import journal_path
from .service.archive import set_aside
from .service.coordinator import Coordinator
from .service.http.runner import Service
from .service.http.sockets import PortInUseError, listen
from .service.process import detach_streams, guard_process, log_to_file
from .service.rules import Election
from .sinks import Connection, LogSink, Sink, Sinks

__all__ = ["PortInUseError", "detach_streams", "guard_process", "listen", "log_to_file", "serve"]

log = logging.getLogger(__name__)


def serve(
    sockets: list[socket.socket],
    *,
    test_run: str = "",
    connection: Connection | None = None,
    election: Election = "handoff",
    limits: SilenceLimits | None = None,
    sinks: Iterable[Sink] = (),
    ready: Callable[[], None] = lambda: None,
) -> str:
    """Run the service on listening sockets until it ends, and return why it did.

    Args:
        sockets: listening sockets on one port.
        test_run: test run of requests that name none; empty for none.
        connection: connection for test runs whose clients gave none.
        election: rule for the master.
        limits: time limits.
        sinks: objects that completed test runs are announced to.
        ready: called once the journal is locked by this service.

    Raises:
        LogUnavailableError, NewerFormatError, LogBusyError: the journal cannot be used.
    """
    port = int(sockets[0].getsockname()[1])
    announcing = Sinks([LogSink(), *sinks])
    journal = journal_path(port)
    aside = set_aside(journal, time.time_ns() // 1000)
    if aside is not None:
        log.info("the journal was large; it was renamed to %s", aside)
    core = Coordinator(
        journal,
        election=election,
        limits=limits,
        default_run=test_run,
        connection=connection,
        completed=announcing.announce,
    )
    core.start(port=port, os_pid=os.getpid(), version=version("pytest-insight"))
    ready()
    reason = asyncio.run(_run(core, announcing, sockets))
    try:
        core.stop(reason)
    except (EventLogError, OSError) as error:
        log.warning("the end could not be written: %s", error)
    log.info("ended: %s", reason)
    return reason


async def _run(core: Coordinator, sinks: Sinks, sockets: list[socket.socket]) -> str:
    return await Service(core, sinks).run(sockets)
