"""The newest session of a file: an event log, or sessions that were exported as JSON."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec

from ...projections.readmodel import ReadModel
from ...projections.session_row import SessionRow


def is_log(path: Path) -> bool:
    """Return whether a file is an event log, by its first bytes or by the name of an archive."""
    with path.open("rb") as stream:
        head = stream.read(5)
    return head == b'{"v":' or path.name.endswith((".gz", ".zip"))


def newest_exported(path: Path) -> dict[str, Any]:
    """Return the last session of a JSON export.

    Raises:
        ValueError: the file is no JSON, or holds no session.
    """
    try:
        data: Any = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: neither an event log nor an export: {error}") from error
    if isinstance(data, dict) and "sessions" in data:
        data = cast("dict[str, Any]", data)["sessions"]
    sessions: list[Any] = cast("list[Any]", data) if isinstance(data, list) else [data]
    if not sessions or not isinstance(sessions[-1], dict):
        raise ValueError(f"{path}: holds no session")
    return cast("dict[str, Any]", sessions[-1])


@contextmanager
def newest_row(path: Path) -> Generator[tuple[ReadModel, SessionRow]]:
    """Open the read model of a log in memory, and yield it with the newest session.

    Raises:
        ValueError: the log holds no session.
    """
    with ReadModel.open(path, None) as model:
        model.catch_up()
        rows = model.sessions(limit=1)
        if not rows:
            raise ValueError(f"{path}: holds no session")
        yield model, rows[0]
