"""The objects of a bucket whose events a log has, in a file: a cache, without which everything is fetched again."""

import os
from pathlib import Path

from ..cursors import replace_cache

_ID_BYTES = 8
_DAMAGED, _BURIED, _FETCHED = "!", "~", "+"


class KnownObjects:
    """Keys of objects, by what is known of them.

    Args:
        path: the file.

    Attributes:
        id: names this file: another one knows other objects.
        fetched: objects whose events are in the log.
        damaged: objects whose bytes are not those that their names say.
        buried: tombstones that were applied to all objects that were there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fetched: set[str] = set()
        self.damaged: set[str] = set()
        self.buried: set[str] = set()
        stored = self._load()
        self._is_stored = bool(stored)
        """The file has this id, so that lines can be appended; one process at a time has it."""
        self.id = stored or os.urandom(_ID_BYTES).hex()
        self._is_new = not self.fetched

    def begin(self) -> None:
        """Forget what was fetched: the log may lack it. The file stays as it is until the next `add_fetched`."""
        if self._is_new:
            self._is_new = False  # what this run has sent is in the log
            return
        self.fetched = set()
        self.id = os.urandom(_ID_BYTES).hex()
        self._is_stored = False

    def add_fetched(self, keys: list[str]) -> None:
        """Keep that the events of objects are in the log."""
        self.fetched.update(keys)
        self.damaged.difference_update(keys)
        self._append(_FETCHED, keys)

    def add_damaged(self, key: str) -> None:
        """Keep that an object is damaged."""
        if key not in self.damaged:
            self.damaged.add(key)
            self._append(_DAMAGED, [key])

    def add_buried(self, key: str) -> None:
        """Keep that a tombstone was applied."""
        self.buried.add(key)
        self._append(_BURIED, [key])

    def drop_damaged(self, key: str) -> None:
        """Forget an object that was deleted."""
        self.damaged.discard(key)
        self._replace()

    def _append(self, mark: str, keys: list[str]) -> None:
        if not self._is_stored:
            self._replace()
            return
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write("".join(f"{mark}{key}\n" for key in keys))

    def _replace(self) -> None:
        parts = ((_FETCHED, self.fetched), (_DAMAGED, self.damaged), (_BURIED, self.buried))
        text = f"{self.id}\n" + "".join(f"{mark}{key}\n" for mark, keys in parts for key in sorted(keys))
        replace_cache(self._path, text.encode())
        self._is_stored = True

    def _load(self) -> str:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        first, *lines = text[: text.rfind("\n") + 1].splitlines() or [""]
        for line in lines:
            key = line[1:]
            if line[:1] == _FETCHED:
                self.fetched.add(key)
                self.damaged.discard(key)
            elif line[:1] == _DAMAGED:
                self.damaged.add(key)
            elif line[:1] == _BURIED:
                self.buried.add(key)
        return first
