"""Read a document of the earlier plugin as a log, and convert it to one before something is appended."""

from pathlib import Path

from ..errors import LogUnavailableError
from ..files.system import SYSTEM, System
from ..home.paths import is_own_log
from ..maintenance.rewrite import free_name, write_new_file
from ..sources import LogSource, as_source, is_old_document
from ..targets.memory_log import MemoryLog
from .fields import DocumentError, parse_json, session_documents
from .sessions import StreamLines, convert_session

BACKUP_SUFFIX = ".bak"
_TEMPORARY_SUFFIX = ".convert"


def readable(log: Path | str | LogSource) -> LogSource:
    """Return the source of a log; an old document is returned as the log that it would be converted to.

    Raises:
        LogUnavailableError: it is a document, but not one of sessions.
    """
    source = as_source(log)
    if source.compressed or not source.on_disk or not is_old_document(source.path):
        return source
    if is_own_log(source.path) and not holds_sessions(source.path):
        return source  # a corrupt log: what is in it is reported as damage
    lines, _ = lines_of_document(source.path)
    return MemoryLog(data=bytearray(lines), label=source.name)


def holds_sessions(path: Path) -> bool:
    """Return whether a file is a document of sessions, even if some of them cannot be read."""
    try:
        session_documents(parse_json(path.read_bytes()))
    except DocumentError:
        return False
    return True


def convert_in_place(path: Path, system: System = SYSTEM) -> Path | None:
    """Turn an old document into a log of the same name, and keep the document as `NAME.bak`.

    The log is complete and durable before it takes the name, so a crash leaves either of them.

    Returns:
        Path of the copy of the document; None if the file is not a document (any more).

    Raises:
        LogUnavailableError: the document cannot be read as sessions, all of them; it stays as it is.
        OSError: the log cannot be written.
    """
    if not is_old_document(path) or (is_own_log(path) and not holds_sessions(path)):
        return None  # the last is a corrupt log, which is set aside when it is opened for writing
    fd = system.open_append(str(path))
    try:
        while not system.lock(fd):
            system.sleep(0.01)
        if not is_old_document(path) or system.fstat(fd).st_nlink == 0:
            return None
        lines, errors = lines_of_document(path)
        if errors:
            raise LogUnavailableError(
                path,
                f"is an old document with {len(errors)} sessions that cannot be read ({errors[0]})",
                "import it into another profile with `insight import`, which takes the rest",
            )
        backup = free_name(path, BACKUP_SUFFIX)
        temporary = Path(str(path) + _TEMPORARY_SUFFIX)
        temporary.unlink(missing_ok=True)  # of a conversion that was killed
        write_new_file(str(temporary), lambda append: append(lines), system)
        try:
            system.link(str(path), str(backup))
            system.rename(str(temporary), str(path))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        system.make_private(fd)
        system.sync_dir(str(path.parent))
        return backup
    finally:
        system.close(fd)


def lines_of_document(path: Path) -> tuple[bytes, list[str]]:
    """Return the lines of all sessions of a document that can be read, in canonical order, and why the others cannot.

    Raises:
        LogUnavailableError: it is not a document of sessions.
    """
    try:
        documents = session_documents(parse_json(path.read_bytes()))
    except DocumentError as error:
        raise LogUnavailableError(path, f"is no event log, and {error}", "choose another file") from error
    found: list[StreamLines] = []
    errors: list[str] = []
    for number, document in enumerate(documents):
        try:
            found.append(convert_session(document))
        except DocumentError as error:
            errors.append(f"sessions[{number}]: {error}")
    found.sort(key=lambda session: (session.started_us, session.stream))
    unique = {session.stream: b"".join(session.lines) for session in found}
    return b"".join(unique.values()), errors
