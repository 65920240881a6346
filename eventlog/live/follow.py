"""Follow logs while they are written: every event once, also across truncation, replacement and deletion.

Notifications of the file system are a hint, sizes are the truth: watchers lose events silently when their queue
overflows, and a watch on a single file goes deaf when the file is replaced.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from ..reader import CHUNK_BYTES, Record, records_in
from ..scan import Finding, Scanner
from ..sources import LogSource, find_logs, is_live_file, live_files

POLL_S = 0.05
RESCAN_S = 1.0
_DEBOUNCE_MS = 10
_STEP_MS = 5
_FINGERPRINT_BYTES = 64
_MARK_BYTES = 8


class Restarted(NamedTuple):
    """The file is not the one that was followed so far; what follows is read from its start."""

    log: str
    reason: str


Item = Record | Finding | Restarted


class Follower:
    """Reads what was added to one file since the last look.

    Args:
        path: the log; it need not exist yet.
        start: byte offset of the start of a line to begin at.
    """

    def __init__(self, path: Path | str, *, start: int = 0) -> None:
        self.path = Path(path)
        self._restart(start)
        self._identity: tuple[int, int] | None = None
        self._stamp: tuple[int, int] | None = None

    @property
    def position(self) -> int:
        """Byte offset after the last whole line that was read."""
        return self._scanner.end

    def poll(self) -> list[Item]:
        """Return what is new, without waiting. An unfinished last line is not reported: its writer may be at it."""
        try:
            info = os.stat(self.path)  # noqa: PTH116 - hot: called many times a second
        except (FileNotFoundError, NotADirectoryError):
            return self._forget_file()
        identity, stamp = (info.st_dev, info.st_ino), (info.st_size, info.st_mtime_ns)
        if identity == self._identity and stamp == self._stamp:
            return []
        try:
            with LogSource(self.path).open() as stream:
                return self._read(stream, identity, stamp)
        except FileNotFoundError:
            return self._forget_file()

    def _read(self, stream: IO[bytes], identity: tuple[int, int], stamp: tuple[int, int]) -> list[Item]:
        items: list[Item] = []
        reason = self._why_restart(stream, identity, stamp[0])
        if reason:
            items.append(Restarted(str(self.path), reason))
            self._restart(0)
        self._identity, self._stamp = identity, stamp
        stream.seek(self._read_to)
        while data := stream.read(CHUNK_BYTES):
            self._read_to += len(data)
            self._fingerprint = (self._fingerprint + data)[-_FINGERPRINT_BYTES:]
            items.extend(records_in(str(self.path), self._scanner.feed(data)))
        return items

    def _why_restart(self, stream: IO[bytes], identity: tuple[int, int], size: int) -> str:
        """Return why the file is not a longer version of the one that was read; "" if it is."""
        if self._read_to == 0:
            return ""
        if size < self._read_to:
            return "truncated"
        stream.seek(max(self._read_to - len(self._fingerprint), 0))
        if self._fingerprint and stream.read(len(self._fingerprint)) != self._fingerprint:
            return "replaced" if identity != self._identity else "rewritten"
        return ""

    def _forget_file(self) -> list[Item]:
        # The next file of this name is another one; if it is a longer copy of this one, it is read on from here.
        self._identity = self._stamp = None
        return []

    def _restart(self, start: int) -> None:
        self._scanner = Scanner(str(self.path), start)
        self._read_to = start
        self._fingerprint = b""


class FollowSet:
    """Follows files and folders together, live files included, and finds logs that appear in folders later.

    Live files are looked at before their log, where a session that ends is collected to: an event is seen in the one or
    in the other, and yielded once.

    Args:
        paths: logs, folders of logs, or logs that do not exist yet.
        starts: gives the byte offset, the start of a line, at which to begin with a log that exists now; None begins
            at 0. Logs that appear later are read whole.
    """

    def __init__(self, paths: list[Path], *, starts: Callable[[Path], int] | None = None) -> None:
        self.paths = paths
        self._followers: dict[Path, Follower] = {}
        self._live_followers: dict[Path, Follower] = {}
        self._seen_live: dict[str, bytearray] = {}  # by stream: 8 bytes of the digest of each event, in order of seq
        self._seen_in_log: dict[str, int] = {}  # by stream: the highest seq
        self.rescan(starts)

    def rescan(self, starts: Callable[[Path], int] | None = None) -> None:
        """Look for logs and live files that appeared, and let go of live files that were collected."""
        for path in self.paths:
            for log in self._logs_below(path):
                self._add(log, starts)
                for file in live_files(log):
                    self._live_followers.setdefault(file, Follower(file))
        for file in [file for file in self._live_followers if not file.exists()]:
            del self._live_followers[file]

    def poll(self) -> list[tuple[Path, Item]]:
        """Return what is new in all of them, without waiting; of an event that is collected meanwhile, one copy."""
        items: list[tuple[Path, Item]] = []
        for path, follower in [*self._live_followers.items(), *self._followers.items()]:
            items.extend((path, item) for item in follower.poll() if not self._is_repeat(path, item))
        return items

    def _logs_below(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        return [source.path for source in find_logs(path) if not source.compressed]

    def _add(self, path: Path, starts: Callable[[Path], int] | None) -> None:
        if path not in self._followers:
            self._followers[path] = Follower(path, start=starts(path) if starts is not None else 0)

    def _is_repeat(self, path: Path, item: Item) -> bool:
        if not isinstance(item, Record):
            return False
        stream, seq = item.envelope.stream, item.envelope.seq
        if is_live_file(path):
            self._note_live(stream, seq, item.digest)
            return seq <= self._seen_in_log.get(stream, -1)
        self._seen_in_log[stream] = max(seq, self._seen_in_log.get(stream, -1))
        seen = self._seen_live.get(stream)
        if seen is None:
            return False
        if item.envelope.type == "session.finished":
            del self._seen_live[stream]
        return bytes(seen[seq * _MARK_BYTES : (seq + 1) * _MARK_BYTES]) == bytes.fromhex(item.digest)[:_MARK_BYTES]

    def _note_live(self, stream: str, seq: int, digest: str) -> None:
        seen = self._seen_live.setdefault(stream, bytearray())
        if seq == len(seen) // _MARK_BYTES:
            seen += bytes.fromhex(digest)[:_MARK_BYTES]


def follow(
    paths: list[Path],
    *,
    stop: threading.Event,
    poll_s: float = POLL_S,
    starts: Callable[[Path], int] | None = None,
    idle: Callable[[], None] | None = None,
) -> Iterator[tuple[Path, Item]]:
    """Yield what is and will be in logs, until `stop` is set.

    Args:
        paths: logs, folders of logs, or logs that do not exist yet.
        stop: ends the loop at the next poll.
        poll_s: longest time between two looks at the sizes, in seconds.
        starts: where to begin in a log that exists already, see `FollowSet`.
        idle: called after each look that brought nothing, for instance to flush output.
    """
    followed = FollowSet(paths, starts=starts)
    looks_per_scan = max(int(RESCAN_S / poll_s), 1)
    waiter = _Waiter(paths, stop, poll_s)
    try:
        looks = 0
        while not stop.is_set():
            items = followed.poll()
            yield from items
            if not items and idle is not None:
                idle()
            looks += 1
            if waiter.wait() or looks >= looks_per_scan:
                looks = 0
                followed.rescan()
        yield from followed.poll()
    finally:
        waiter.close()


class _Waiter:
    """Waits for a hint that something changed, for at most the polling time."""

    def __init__(self, paths: list[Path], stop: threading.Event, poll_s: float) -> None:
        self._stop = stop
        self._poll_s = poll_s
        self._changes: Iterator[object] | None = None
        folders = {path if path.is_dir() else path.parent for path in paths}
        existing = [folder for folder in sorted(folders) if folder.is_dir()]
        if not existing:
            return
        from watchfiles import watch  # noqa: PLC0415 - heavy, and only a live follower needs it

        self._changes = watch(
            *existing,
            stop_event=stop,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=max(int(poll_s * 1000), 1),
            yield_on_timeout=True,
            watch_filter=None,
            raise_interrupt=True,
        )

    def wait(self) -> bool:
        """Return True if something changed, so that new files are looked for at once."""
        if self._changes is None:
            self._stop.wait(self._poll_s)
            return False
        try:
            return bool(next(self._changes, None))
        except (OSError, RuntimeError, UnicodeDecodeError):
            # Watching is only a hint: too many watches, a name that is not UTF-8. Polling goes on without it.
            self._changes = None
            return False

    def close(self) -> None:
        close = getattr(self._changes, "close", None)
        if close is not None:
            close()
