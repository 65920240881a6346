"""Rates of requests: a key that asks too much waits, other keys do not notice, and a client obeys."""

import pytest
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.collector.access.rates import WINDOW_S, TokenBuckets
from pytest_insight.collector.client.addresses import Address
from pytest_insight.collector.client.requests import Collector
from pytest_insight.collector.client.retries import Retries
from pytest_insight.collector.limits import RequestLimits

QUOTA = 5


class HandClock:
    """Seconds that the test sets."""

    now_s = 1000.0

    def __call__(self):
        return self.now_s


@given(st.lists(st.floats(0, 200), max_size=60), st.integers(1, 20))
def test_no_span_of_time_has_more_requests_than_its_share(pauses, quota):
    """In any span at most a full bucket and what has flowed in; whoever waits as told gets a token."""
    clock = HandClock()
    buckets = TokenBuckets(quota, clock)
    taken = []
    for pause_s in pauses:
        clock.now_s += pause_s
        wait_s = buckets.take("a")
        if wait_s:
            clock.now_s += wait_s + 1e-6
            assert buckets.take("a") == 0
        taken.append(clock.now_s)
    for first, begin_s in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= quota + (taken[last] - begin_s) * quota / WINDOW_S + 1e-6


def test_keys_have_buckets_of_their_own_and_zero_is_no_limit():
    """An empty bucket of one key leaves the others full."""
    buckets = TokenBuckets(1, HandClock())
    assert [buckets.take(name) > 0 for name in ("a", "a", "b")] == [False, True, False]
    assert not any(TokenBuckets(0).take("a") for _ in range(100))


@pytest.fixture
def limited(engine, tmp_path):
    """A collector that takes few requests, with a clock of the test."""
    context = context_of(engine, tmp_path, limits=RequestLimits(requests=QUOTA))
    context.rates._clock = HandClock()
    running = ThreadCollector(context, make_key(engine))
    yield running
    running.stop()


def test_a_key_that_asks_too_much_is_told_when_to_come_back(limited, engine):
    """429 with Retry-After and the fields of the rate; after that time it works again; another key works meanwhile."""
    for _ in range(QUOTA):
        assert limited.get("/api/v1/events").status == 200
    answer = limited.get("/api/v1/events")
    assert (answer.status, answer.json()["type"]) == (429, "urn:pytest-insight:problem:too-many-requests")
    wait_s = int(answer.headers["retry-after"])
    assert wait_s == WINDOW_S / QUOTA
    assert answer.headers["ratelimit-policy"] == f'"key";q={QUOTA};w={WINDOW_S}'
    assert answer.headers["ratelimit"] == f'"key";r=0;t={wait_s}'
    assert limited.get("/api/v1/events", key=make_key(engine)).status == 200
    limited.context.rates._clock.now_s += wait_s
    assert limited.get("/api/v1/events").status == 200


def test_a_body_is_not_read_before_the_rate_is_known(limited):
    """A refused push is answered although its body never arrives."""
    import http.client

    for _ in range(QUOTA):
        limited.get("/api/v1/events")
    connection = http.client.HTTPConnection(limited.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/api/v1/events")
    connection.putheader("Authorization", f"Bearer {limited.key}")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    assert connection.getresponse().status == 429
    connection.close()


def test_a_client_waits_as_long_as_it_is_told(limited):
    """Pauses are those of Retry-After, and every push succeeds."""
    pauses = []

    def sleep(pause_s):
        pauses.append(pause_s)
        limited.context.rates._clock.now_s += pause_s

    client = Collector(Address(limited.url, limited.key))
    retries = Retries(1000, sleep=sleep)
    accepted = 0
    for number in range(QUOTA + 3):
        body = b"".join(session_lines(number, 0))
        accepted += retries.run(lambda body=body: client.push(body)).accepted
    client.close()
    assert accepted == 2 * (QUOTA + 3)
    assert pauses == [WINDOW_S / QUOTA] * 3


def test_guesses_do_not_fill_the_audit(engine, monkeypatch):
    """Beyond a number in a minute wrong keys are counted, and the count is in the next row."""
    from pytest_insight.collector.access import lookup
    from sqlalchemy import text

    monkeypatch.setattr(lookup, "RECORDED_MAX", 10)
    keys = lookup.KeyLookup(engine)
    keys._recorded._clock = clock = HandClock()
    for pause_s in (0, WINDOW_S / 10 + 0.01):
        clock.now_s += pause_s
        for number in range(30):
            with pytest.raises(lookup.ProblemError):
                keys.authorize(f"Bearer ik_{number:08x}_{number:043d}", "read")
    with engine.connect() as connection:
        rows = connection.execute(text("select what from audit order by n")).scalars().all()
    assert len(rows) == 11
    assert [row.get("unrecorded") for row in rows] == [None] * 10 + [20]


def test_a_team_that_is_named_is_refused_and_recorded(served, engine):
    """The team comes from the key alone, also if it is the right one."""
    from sqlalchemy import text

    for path in ("/api/v1/events?team=default", "/api/v1/log?team=2", "/api/v1/keys?team=other"):
        answer = served.get(path)
        assert (answer.status, answer.json()["type"]) == (403, "urn:pytest-insight:problem:wrong-team")
    with engine.connect() as connection:
        assert connection.execute(text("select what->>'reason' from audit")).scalars().all() == ["wrong-team"] * 3
