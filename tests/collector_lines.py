"""Lines for tests of the collector."""

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


def digest_of(line):
    """Digest that a line with its newline carries."""
    return line[-35:-3].decode()
