"""The process of the service: signals, output streams, log file."""

import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import time
from pathlib import Path

from ...eventlog.files.system import SYSTEM

__all__ = ["detach_streams", "guard_process", "log_to_file"]

LOG_BYTES_MAX = 1 << 20


def log_to_file(path: Path) -> None:
    """Send the log to a file that is rotated when it is full; never to a stream, which may be broken."""
    SYSTEM.make_private_dir(path.parent)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES_MAX, backupCount=2, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.raiseExceptions = False  # a full disk is no reason to write to a broken stream
    for name in ("pytest_insight", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def detach_streams() -> None:
    """Redirect the output streams to /dev/null, so that they cannot break or block: the parent may not read them."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    for number in (1, 2):
        if not os.isatty(number):
            os.dup2(null, number)
    os.close(null)


def guard_process() -> None:
    """Ignore the end of the terminal and of the parent's pipes; make new files readable only for this user."""
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
