"""The import format of session documents (`.json`): exports, and files of the earlier plugin."""

from ...eventlog.documents.fields import DocumentError, parse_json, session_documents
from ...eventlog.documents.sessions import StreamLines, convert_session
from ...eventlog.errors import InputUnreadableError
from ...eventlog.merging.staging import Staged, Staging
from .incoming import Contents, Incoming


class DocumentFormat:
    """JSON documents of sessions."""

    suffixes = (".json",)

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return True: a file of no other format is read as a document, and the error says what is wrong with it."""
        return True

    def read(self, staged: Staged, stage: Staging, *, only: bool) -> Contents:  # noqa: ARG002 - of the protocol
        """Return the sessions of a document that can be read, and the errors of the others.

        Raises:
            InputUnreadableError: it is the only input and no document of sessions.
        """
        contents = Contents()
        try:
            documents = session_documents(parse_json(staged.path.read_bytes()))
        except DocumentError as error:
            if only:
                raise InputUnreadableError(f"{staged.name}: {error}") from error
            contents.errors.append(f"{staged.name}: {error}")
            return contents
        for number, document in enumerate(documents):
            try:
                contents.sessions.append(incoming_of(convert_session(document), staged.name))
            except DocumentError as error:
                contents.errors.append(f"{staged.name}: session {number + 1} of {len(documents)}: {error}")
        return contents


def incoming_of(session: StreamLines, origin: str = "") -> Incoming:
    """Return a converted session as something that can be added."""
    return Incoming(
        stream=session.stream,
        label=session.label,
        sut=session.sut,
        started_us=session.started_us,
        events=len(session.lines),
        last_seq=len(session.lines) - 1,
        size_bytes=sum(map(len, session.lines)),
        read=lambda: iter([b"".join(session.lines)]),
        origin=origin,
        document=True,
    )
