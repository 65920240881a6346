"""Lines for tests of the collector."""

import random

from histories import EIGHT, write_session
from pytest_insight.cli import app as main
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished

AT = "%sT10:%02d:%02d.%06dZ"


def session_lines(number, tests=5, *, label="s", sut="shop", outcome="passed", text="", day="2026-11-20"):
    """Lines of a session, the same ones each time."""
    stream = f"{number:032x}"
    events = [SessionStarted(session_id=f"{label}{number}", sut=sut)]
    events += [
        TestFinished(nodeid=f"t.py::test_{n}", outcome=outcome, duration_us=n, longreprtext=text) for n in range(tests)
    ]
    events.append(SessionFinished(exit_status=0, count=tests + 1, root="0" * 32))
    at = lambda seq: AT % (day, number // 60 % 60, number % 60, seq)
    return [encode_event(event, stream=stream, seq=seq, at=at(seq)) for seq, event in enumerate(events)]


def mixed_history(labels=None):
    """Sessions with passes, failures, reruns, a killed one and another branch.

    Args:
        labels: names of sessions by their number, where they are not `s` and the number.
    """
    dice = random.Random(4)
    found = []
    for number in range(14):
        results = [(nodeid, "failed" if dice.random() < 0.2 else "passed", 5 + number) for nodeid in EIGHT]
        if number % 3 == 0:
            results += [(EIGHT[0], "rerun"), (EIGHT[0], "passed")]
        if number == 9:
            results[-1] = (EIGHT[7], None)
        more = {"branch": "dev"} if number % 5 == 4 else {}
        if labels and number in labels:
            more["session_id"] = labels[number]
        of_commit = "abcdef"[number % 6]
        found.append(write_session(f"s{number}", number * 8, results, commit=of_commit, seal=number != 9, **more))
    return found


def digest_of(line):
    """Digest that a line with its newline carries."""
    return line[-35:-3].decode()


def purged_lines(folder, text):
    """Return the lines of a log before and after `insight log purge` of a text that one of three sessions has."""
    log = folder / "log.jsonl"
    before = [*session_lines(1, 5), *session_lines(2, 5, text=f"password={text} in a text"), *session_lines(3, 2)]
    log.write_bytes(b"".join(before))
    assert main.run(["log", "purge", "--regex", text, "--force", str(log)]) == 0
    after = log.read_bytes().splitlines(keepends=True)
    assert text.encode() not in log.read_bytes()
    return before, after
