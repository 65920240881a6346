"""Pages of sessions: each session is on one page, whatever is pushed or hidden meanwhile."""

import itertools
import re

import pytest
from collector_lines import session_lines
from histories import EIGHT, write_session
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionCleared


@pytest.fixture
def pushed(team):
    """A team with seven sessions, two of which started at the same time; the newest first."""
    for number in range(7):
        team.push(write_session(f"p{number}", min(number, 5), [(EIGHT[0], "passed")]))
    return team


def pages(team, path="/api/v1/sessions?limit=2", meanwhile=lambda _: None):
    """Names on each page, by following the links; something happens after each page."""
    for number in itertools.count(1):
        answer = team.get(path)
        assert answer.status == 200, answer.body
        yield [session["session_id"] for session in answer.json()]
        if "link" not in answer.headers:
            return
        path = re.fullmatch(r'<(.*)>; rel="next"', answer.headers["link"])[1]
        meanwhile(number)


def test_pages_have_all_sessions_in_the_order_of_the_list(pushed):
    """Of two that started at once, both are there, in the order of the whole list."""
    whole = next(pages(pushed, "/api/v1/sessions"))
    assert sorted(whole) == [f"p{number}" for number in range(7)]
    found = list(pages(pushed))
    assert [len(page) for page in found] == [2, 2, 2, 1]
    assert list(itertools.chain(*found)) == whole
    assert list(pages(pushed, "/api/v1/sessions?limit=3&sut=bank")) == [[]]


def test_new_and_hidden_sessions_do_not_shift_pages(pushed):
    """A push of a newer session, and a session that was on the page before and is cleared, change nothing behind it."""
    whole = next(pages(pushed, "/api/v1/sessions"))
    streams = {row["session_id"]: row["stream"] for row in pushed.get("/api/v1/session-list").json()}

    def change(number):
        pushed.push(write_session(f"new{number}", 20 + number, [(EIGHT[0], "passed")]))
        if number == 1:
            event = SessionCleared(target=streams[whole[1]])
            pushed.push(encode_event(event, stream="e" * 32, seq=0, at="2026-11-20T10:00:00.000000Z"))

    assert list(itertools.chain(*pages(pushed, meanwhile=change))) == whole


def test_a_page_after_an_unknown_session_is_refused(team):
    """It is a wrong value; a session of another team is as unknown."""
    team.push(b"".join(session_lines(1)))
    for stream in ("e" * 32, "s1"):
        answer = team.get(f"/api/v1/sessions?after={stream}")
        assert (answer.status, answer.json()["type"]) == (400, "urn:pytest-insight:problem:bad-request")


def test_an_offset_beyond_all_numbers_is_refused(team):
    """It is a wrong value, and no error of the database."""
    assert team.get(f"/api/v1/sessions?offset={1 << 90}").status == 400
    assert team.get("/api/v1/sessions?offset=1000000000").json() == []
