"""The thread that sends keep-alives."""

import threading
from collections.abc import Callable

from ..defaults import KEEP_ALIVE_INTERVAL_S

_JOIN_S = 0.2


class KeepAliveThread:
    """Calls a function at once and then every `KEEP_ALIVE_INTERVAL_S` seconds, in a thread of its own.

    Args:
        send: sends one keep-alive; does not raise. It gets the event that is set when the thread is to end.
    """

    def __init__(self, send: Callable[[threading.Event], None]) -> None:
        self._send = send
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stop,), name="sync-storage-keep-alive", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait a moment for it."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=_JOIN_S)

    def _run(self, stop: threading.Event) -> None:
        while True:
            self._send(stop)
            if stop.wait(KEEP_ALIVE_INTERVAL_S):
                return
