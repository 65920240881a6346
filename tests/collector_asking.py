"""Every question to a collector, next to the command that answers it about a log."""

import json
from urllib.parse import quote

from pytest_insight.cli import app as main

STATUS = {0: 200, 1: 404, 2: 400}
"""Status of an answer by the exit code of the command."""


def questions_about(nodeid):
    """Paths and arguments of questions that have an answer in any history of a test."""
    test = quote(nodeid)
    return [
        ("/session-list", ["session", "list"]),
        ("/session-list?all=1", ["session", "list", "--all"]),
        ("/sessions/last", ["session", "show", "last"]),
        ("/suts", ["sut", "list"]),
        ("/tests?all=1", ["test", "list", "--all"]),
        (f"/tests/show?nodeid={test}", ["test", "show", nodeid]),
        (f"/tests/history?nodeid={test}&all=1", ["test", "history", nodeid, "--all"]),
        (f"/tests/trends?nodeid={test}", ["test", "trends", nodeid]),
        ("/summary?days=9", ["analytics", "summary", "--days", "9"]),
        ("/analysis", ["analytics", "analyze"]),
        ("/flaky?days=30", ["analytics", "analyze", "--metric=flaky", "--days", "30"]),
        ("/failures", ["analytics", "failures"]),
        (f"/failures?nodeid={test}&days=30", ["analytics", "failures", "--nodeid", nodeid, "--days", "30"]),
        ("/compare", ["analytics", "compare"]),
    ]


def without_positions(value):
    """An answer without places in a log, which the tables have others of."""
    if isinstance(value, dict):
        return {key: without_positions(item) for key, item in value.items() if key != "position"}
    return [without_positions(item) for item in value] if isinstance(value, list) else value


def asked(capture, arguments, log):
    """Exit code, output and errors of a command about a log.

    Args:
        capture: returns what was printed since the last time, as `capsys.readouterr` does.
        arguments: of the command.
        log: that it is about.
    """
    capture()
    code = main.run([*arguments, "--json", "--log", str(log)])
    shown = capture()
    return code, shown.out, shown.err


def difference(answer, code, out, err):
    """Return how the answer of a collector differs from that of the command; None if it does not."""
    if answer.status != STATUS[code]:
        return f"status {answer.status} and exit code {code}: {answer.body[:300]!r} {err}"
    if code:
        expected, found = err.strip().removeprefix("insight: "), answer.json()["detail"]
    else:
        expected, found = (json.dumps(without_positions(value)) for value in (json.loads(out), answer.json()))
    return None if expected == found else f"{found[:2000]}\nis not\n{expected[:2000]}"
