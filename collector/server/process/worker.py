"""One of several processes that serve a port: `python -m pytest_insight.collector.server.process.worker FD`.

It ends with the process that has started it, which holds the other end of its standard input.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from ...parents import wait_for_parent
from .workers import SETTINGS_VARIABLE, WorkerSettings, serve_here


def main() -> None:
    """Serve on the socket whose descriptor is given."""
    settings = read_settings(os.environ.pop(SETTINGS_VARIABLE))
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    serve_here(settings, socket.socket(fileno=int(sys.argv[1])))


def read_settings(text: str) -> WorkerSettings:
    """Return the settings that were written for this process."""
    return msgspec.json.decode(text, type=WorkerSettings, dec_hook=_decode_path)


def _decode_path(kind: type[Any], value: Any) -> Any:
    if kind is not Path:
        raise NotImplementedError(kind)
    return Path(value)


def _end_with_parent() -> None:
    wait_for_parent()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
