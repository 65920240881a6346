"""Look for changes of the log: what its files hold, and whether the sessions in them still run.

Notifications of the file system make it quick; once a second the files are looked at without one, as a process that is
killed changes no file.
"""

import logging
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from watchfiles import watch

from ..eventlog.files.liveness import is_being_written
from ..eventlog.sources import LogSource, live_files, pack_files

LOOK_MS = 1000
_STEP_MS = 50
_DEBOUNCE_MS = 200
Seen = tuple[tuple[object, ...], ...]
log = logging.getLogger(__name__)


def look_at(source: LogSource) -> Seen:
    """Return what tells one state of a log from another: its files, and which of them are being written."""
    written = [source.path, *live_files(source)]
    packs = tuple(_stamp(path) for path in pack_files(source))
    return (*packs, *((*_stamp(path), is_being_written(path)) for path in written))


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        info = path.stat()
    except OSError:
        return (str(path),)
    return str(path), info.st_ino, info.st_size, info.st_mtime_ns


def folders_of(source: LogSource) -> tuple[Path, ...]:
    """Return the folders that are there of those in which the files of a log are written."""
    found = dict.fromkeys([source.path.parent, *(path.parent for path in live_files(source))])
    return tuple(folder for folder in found if folder.is_dir())


class LogWatcher(threading.Thread):
    """A thread that calls a function when the log changed.

    Args:
        source: the log; it need not exist.
        changed: called in this thread, at once and after each change.
        alive: asked once a second; following ends when it returns False.
    """

    def __init__(self, source: LogSource, changed: Callable[[], None], alive: Callable[[], bool]) -> None:
        super().__init__(name="log-watcher", daemon=True)
        self._source, self._changed, self._alive = source, changed, alive
        self._stop = threading.Event()

    def stop(self) -> None:
        """End at the next look."""
        self._stop.set()

    def run(self) -> None:
        """Look until the end."""
        seen: Seen | None = None
        for _ in self._hints():
            now = look_at(self._source)
            if now != seen:
                seen = now
                self._changed()
            if not self._alive():
                return

    def _hints(self) -> Generator[None]:
        """Yield at each hint that something changed, and once a second."""
        while not self._stop.is_set():
            yield
            folders = folders_of(self._source)
            try:
                yield from self._watch(folders)
            except (OSError, RuntimeError, UnicodeDecodeError) as error:
                # Watching is only a hint: too many watches, a name that is not UTF-8, a folder that is gone.
                log.debug("not watched: %s", error)
                self._stop.wait(LOOK_MS / 1000)

    def _watch(self, folders: tuple[Path, ...]) -> Generator[None]:
        """Yield at each hint of some folders, until there are others."""
        if not folders:
            self._stop.wait(LOOK_MS / 1000)
            return
        hints = watch(
            *folders,
            watch_filter=None,
            recursive=False,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
        )
        for _ in hints:
            yield
            if folders_of(self._source) != folders:
                return
