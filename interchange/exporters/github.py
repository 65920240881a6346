"""Annotations of a GitHub workflow: the failures that are new, at their lines."""

from collections.abc import Iterator

from .sessions import ExportedSession, ExportedTest

ANNOTATIONS_MAX = 10
"""Annotations of one kind that a step may have."""

_MESSAGE_MAX = 4000


def write_annotations(sessions: list[ExportedSession], before: ExportedSession | None = None) -> Iterator[str]:
    """Yield commands of a workflow, one a line.

    Args:
        sessions: the sessions to annotate.
        before: the session before; what was bad there already is not new.

    Yields:
        Lines whose text cannot be another command: line ends and the marks of commands are escaped.
    """
    known = {nodeid for nodeid, test in before.tests.items() if test.is_bad} if before is not None else set[str]()
    new = [test for session in sessions for test in session.tests.values() if test.is_bad and test.nodeid not in known]
    uncollected = [failed for session in sessions for failed in session.collection_errors]
    lines = [
        _command(failed.nodeid, None, failed.nodeid, "could not be collected\n" + failed.longreprtext)
        for failed in uncollected
    ]
    lines += [_annotation(test) for test in new]
    yield from lines[: ANNOTATIONS_MAX - 1 if len(lines) > ANNOTATIONS_MAX else ANNOTATIONS_MAX]
    if len(lines) > ANNOTATIONS_MAX:
        yield f"::error title=pytest::{len(lines) - ANNOTATIONS_MAX + 1} more failed\n"


def _annotation(test: ExportedTest) -> str:
    if not test.attempts or test.running_since_us is not None:
        return _command(test.nodeid.partition("::")[0], None, test.nodeid, "was running when its session ended")
    last = test.attempts[-1]
    cause, file = last.event.cause, test.nodeid.partition("::")[0]
    line = last.event.lineno
    if cause is not None and cause.lineno and cause.path.endswith(file):
        line = cause.lineno
    return _command(last.event.file or file, line, test.nodeid, f"{last.message}\n{last.event.longreprtext}")


def _command(file: str, line: int | None, title: str, message: str) -> str:
    place = f"file={_property(file)}," + (f"line={line}," if line else "")
    return f"::error {place}title={_property(title[:250])}::{_data(message[:_MESSAGE_MAX].strip())}\n"


def _data(text: str) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(
        char if char.isprintable() else "%0A" if char in "\x0b\x0c\x85\u2028\u2029" else "?" for char in text
    )


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
