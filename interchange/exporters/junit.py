"""JUnit XML: as pytest writes it (`xunit1`, `xunit2`), or with all attempts as Maven Surefire does (`surefire`)."""

import re
from collections.abc import Iterator

from ...eventlog.outcome import KNOWN
from ...eventlog.times import format_time
from ..importers.identity import Identities, junit_names
from ..importers.junit.verdicts import NODEID_PROPERTY, VERDICT_PROPERTY
from .sessions import INTERRUPTED, ExportedAttempt, ExportedSession, ExportedTest

FAMILIES = ("xunit1", "xunit2", "surefire")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_ATTRIBUTES = _ESCAPES | {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_BAD = ("failed", "error")


def write_junit(sessions: list[ExportedSession], family: str) -> Iterator[str]:
    """Yield JUnit XML, a suite for each session.

    Raises:
        ValueError: there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"--family {family}: no such family; use one of {', '.join(FAMILIES)}")
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pytest tests">\n'
    for session in sessions:
        yield from _write_suite(session, family)
    yield "</testsuites>\n"


def _write_suite(session: ExportedSession, family: str) -> Iterator[str]:
    counts = session.verdicts()
    row, header = session.row, session.header
    yield _start(
        "testsuite",
        name="pytest",
        tests=str(counts.total()),
        failures=str(
            sum(test.verdict not in KNOWN and test.is_bad for test in session.tests.values()) + counts["failed"]
        ),
        errors=str(counts["error"] + counts[INTERRUPTED]),
        skipped=str(counts["skipped"] + counts["xfailed"]),
        time=_seconds(row.duration_us),
        timestamp=format_time(row.started_us).replace("Z", "+00:00"),
        hostname=header.testing_system.get("host", ""),
    )
    yield "\n"
    for failed in session.collection_errors:
        yield _collection_case(failed.nodeid, "error", "collection failure", failed.longreprtext, family)
    for skipped in session.collection_skips:
        yield _collection_case(skipped.nodeid, "skipped", "collection skipped", skipped.reason, family)
    for test in session.tests.values():
        yield _write_case(test, family)
    yield "</testsuite>\n"


def _write_case(test: ExportedTest, family: str) -> str:
    last = test.attempts[-1] if test.attempts else None
    classname, name = junit_names(test.nodeid)
    file = test.nodeid.partition("::")[0]
    attributes = {"classname": classname, "name": name}
    if family == "xunit1":
        attributes["file"] = (last.event.file if last else "") or file
        if last is not None and last.event.lineno:
            attributes["line"] = str(last.event.lineno - 1)  # pytest counts from 0 here
    surefire = family == "surefire"
    first = (
        test.attempts[0] if surefire and test.is_bad and last is not None and test.running_since_us is None else last
    )
    attributes["time"] = _seconds(first.event.duration_us if first else 0)
    parts = [_start("testcase", **attributes), _properties(test, attributes, family)]
    if test.running_since_us is not None:
        parts.append(_element("error", "", type="insight.interrupted", message="was running when its session ended"))
        return "".join([*parts, "</testcase>\n"])
    if last is None or first is None:
        return "".join([*parts, "</testcase>\n"])
    if surefire and not test.is_bad:
        parts += [_rerun(attempt, "flaky") for attempt in test.attempts[:-1]]
    parts.append(_result(first, last))
    if surefire and test.is_bad:
        parts += [_rerun(attempt, "rerun") for attempt in test.attempts[1:]]
    parts += [
        _element(name, text)
        for name, text in (("system-out", first.event.capstdout), ("system-err", _errors_of(first)))
        if text
    ]
    return "".join([*parts, "</testcase>\n"])


def _properties(test: ExportedTest, attributes: dict[str, str], family: str) -> str:
    """Return what JUnit has no word for: an outcome, and a node id that the other attributes do not tell."""
    told: list[tuple[str, str]] = []
    if family != "xunit2":
        found = Identities().find(attributes["classname"], attributes["name"], attributes.get("file", ""))
        if found.nodeid != test.nodeid or not found.placed:
            told.append((NODEID_PROPERTY, test.nodeid))
    if test.verdict == "xpassed" or (test.verdict not in KNOWN and test.verdict != INTERRUPTED):
        told.append((VERDICT_PROPERTY, test.verdict))
    if family != "xunit2" and test.attempts:
        own = (NODEID_PROPERTY, VERDICT_PROPERTY)
        told += [(str(key), str(value)) for key, value in test.attempts[-1].event.user_properties if key not in own]
    if not told:
        return ""
    return (
        f"<properties>{''.join(_element('property', '', name=name, value=value) for name, value in told)}</properties>"
    )


def _result(shown: ExportedAttempt, last: ExportedAttempt) -> str:
    """Return the element of a verdict, with the text of the attempt that is shown in it."""
    event, outcome = shown.event, last.event.outcome
    if outcome == "failed":
        return _element("failure", event.longreprtext, message=shown.message)
    if outcome == "error":
        return _element("error", event.longreprtext, message=_error_message(last, shown.message))
    if outcome == "xfailed":
        return _element("skipped", event.longreprtext, type="pytest.xfail", message=event.reason)
    if outcome == "skipped":
        return _element("skipped", event.longreprtext, type="pytest.skip", message=event.reason)
    if outcome == "rerun":  # the session ended before the attempt that was due
        return _element("error", event.longreprtext, type="insight.interrupted", message=shown.message)
    return ""


def _error_message(last: ExportedAttempt, message: str) -> str:
    phases = last.event.phase_outcomes
    phase = next((name for name in ("teardown", "setup") if phases.get(name) == "error"), "")
    return f'failed on {phase} with "{message}"' if phase else message


def _rerun(attempt: ExportedAttempt, prefix: str) -> str:
    event = attempt.event
    kind = "Error" if event.outcome == "error" else "Failure"
    inner = _element("stackTrace", event.longreprtext)
    inner += "".join(
        _element(name, text)
        for name, text in (("system-out", event.capstdout), ("system-err", _errors_of(attempt)))
        if text
    )
    start = _start(f"{prefix}{kind}", message=attempt.message, type=attempt.outcome, time=_seconds(event.duration_us))
    return f"{start}{inner}</{prefix}{kind}>"


def _collection_case(nodeid: str, kind: str, message: str, text: str, family: str) -> str:
    classname, _, name = re.sub(r"\.py$", "", nodeid.replace("/", ".")).rpartition(".")
    attributes = {"classname": classname, "name": name}
    if family == "xunit1":
        attributes["file"] = nodeid
    start = _start("testcase", **attributes, time="0.000000")
    known = _element("property", "", name=NODEID_PROPERTY, value=nodeid)
    properties = f"<properties>{known}</properties>" if family == "surefire" else ""
    return f"{start}{properties}{_element(kind, text, message=message)}</testcase>\n"


def _errors_of(attempt: ExportedAttempt) -> str:
    return "\n".join(filter(None, (attempt.event.capstderr, attempt.event.caplog)))


def _seconds(us: int) -> str:
    return f"{us / 1_000_000:.6f}"


def _start(element: str, **attributes: str) -> str:
    written = "".join(f' {key}="{_escape(value, _IN_ATTRIBUTES)}"' for key, value in attributes.items())
    return f"<{element}{written}>"


def _element(element: str, text: str, **attributes: str) -> str:
    return f"{_start(element, **attributes)}{_escape(text, _ESCAPES)}</{element}>"


def _escape(text: str, escapes: dict[str, str]) -> str:
    """Return a text for XML; a character that XML does not have is written by its number, as pytest does."""
    text = _FORBIDDEN.sub(lambda match: f"#x{ord(match[0]):02X}", text)
    return "".join(escapes.get(char, char) for char in text) if any(char in text for char in escapes) else text
