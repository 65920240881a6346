"""Key of the digests that replace secrets in node ids.

The key is the file `redaction.key` in the home, readable only by its owner, and created when it is first needed. With
it a test whose id contains a secret keeps its name from run to run; without it nothing can find the secret by trying
values. If the file cannot be used, a key of this process is used, and such a test has another name in each run.
"""

import os
from hashlib import blake2b
from pathlib import Path

from ...eventlog.files.system import SYSTEM
from ...eventlog.home.paths import home_dir

KEY_FILE = "redaction.key"
_KEY_BYTES = 32
_DIGEST_BYTES = 4


class RedactionKey:
    """Maker of digests with the key of a home.

    Args:
        home: folder of the key; None for the home of pytest-insight.
    """

    def __init__(self, home: Path | None = None) -> None:
        self._home = home
        self._key = b""

    def digest(self, secret: str) -> str:
        """Return 8 hex digits that are the same for the same secret and key."""
        if not self._key:
            self._key = _load_key(self._home or home_dir())
        data = secret.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=_DIGEST_BYTES).hexdigest()


def _load_key(home: Path) -> bytes:
    path = home / KEY_FILE
    try:
        return _read_key(path) or _make_key(path)
    except OSError:  # a home that cannot be read or written: recording goes on
        return os.urandom(_KEY_BYTES)


def _read_key(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""
    with os.fdopen(fd, "rb") as file:
        key = file.read(_KEY_BYTES)
    if len(key) != _KEY_BYTES:
        raise OSError(f"{path}: not a key of {_KEY_BYTES} bytes; delete it to get a new one")
    return key


def _make_key(path: Path) -> bytes:
    """Write a new key, or return the key of another process that wrote it first."""
    SYSTEM.make_private_dir(path.parent)
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}.new")
    key = os.urandom(_KEY_BYTES)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(key)
        try:
            os.link(draft, path)
        except FileExistsError:
            return _read_key(path)
    finally:
        draft.unlink(missing_ok=True)
    return key
