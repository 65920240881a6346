"""A reader that polls while others write sees every segment, once, in one order."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from collector_lines import session_lines
from pytest_insight.collector.feed import sequencer
from pytest_insight.collector.feed.reading import FeedFilter, read_page
from pytest_insight.collector.ingest.accepting import accept_lines
from pytest_insight.collector.ingest.parsing import parse_body
from sqlalchemy import text

WRITERS, PUSHES = 6, 20
SERIAL = "update segment set position = n where position is null"


class Poller(threading.Thread):
    """Reads pages of the feed all the time, each after the position of the one before."""

    def __init__(self, engine):
        super().__init__()
        self.engine, self.seen, self.position, self.stopping = engine, [], 0, False

    def run(self):
        """Poll until told to stop, and once more."""
        while True:
            last = self.stopping
            with self.engine.connect() as connection:
                page = read_page(connection, 1, self.position, 10, FeedFilter())
            self.seen += page.segments
            self.position = page.position
            if last and not page.more:
                return
            time.sleep(0.001)

    def finish(self):
        """Stop and return what was seen."""
        self.stopping = True
        self.join()
        return b"".join(self.seen)


def write_all(engine, order):
    """Push many sessions at once, line by line, and call `order` after each commit."""

    def write(writer):
        for push in range(PUSHES):
            lines = session_lines(1000 + writer * PUSHES + push, 1)
            for line in lines:
                accept_lines(engine, 1, "test", parse_body([line]))
                order()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    return [line for number in range(WRITERS * PUSHES) for line in session_lines(1000 + number, 1)]


def test_a_polling_reader_sees_every_segment_once(engine, database):
    """Also while another transaction of the same database is open, which has written something."""
    ordering = sequencer.Sequencer(engine)
    ordering.start()
    poller = Poller(engine)
    poller.start()
    with psycopg.connect(database) as other:
        other.execute("insert into meta values ('open', 'transaction')")
        lines = write_all(engine, ordering.order_committed)
        seen = poller.finish()
    ordering.close()
    assert sorted(seen.splitlines(keepends=True)) == sorted(lines)


def test_a_second_reader_sees_the_same_order(engine):
    """The order of the feed is one, whenever it is read and by how much at once."""
    ordering = sequencer.Sequencer(engine)
    ordering.start()
    poller = Poller(engine)
    poller.start()
    write_all(engine, ordering.order_committed)
    seen = poller.finish()
    ordering.close()
    with engine.connect() as connection:
        again = read_page(connection, 1, 0, 10_000, FeedFilter())
    assert b"".join(again.segments) == seen


def test_two_sequencers_give_each_segment_one_position(engine):
    """Several processes may order at the same time."""
    orderings = [sequencer.Sequencer(engine) for _ in range(3)]
    for ordering in orderings:
        ordering.start()
    write_all(engine, lambda: [ordering.order_committed() for ordering in orderings])
    for ordering in orderings:
        ordering.close()
    with engine.connect() as connection:
        count, positions, missing = connection.execute(
            text("select count(*), count(distinct position), count(*) filter (where position is null) from segment")
        ).one()
    assert (count, positions, missing) == (WRITERS * PUSHES * 3, WRITERS * PUSHES * 3, 0)


def test_a_cursor_over_serial_numbers_is_caught(engine):
    """A transaction that began first and commits last is missed by a cursor over its number, and not by a position."""

    def read(after):
        with engine.connect() as connection:
            return read_page(connection, 1, after, 100, FeedFilter())

    def commit_late(order):
        """Return the lines that a reader misses who reads between the two commits."""
        first, second = session_lines(1, 0), session_lines(2, 0)
        with engine.begin() as connection:
            connection.execute(text("truncate segment, stream"))
        slow = engine.connect()
        slow.begin()
        slow.execute(insert, {"stream": first[0][39:71].decode()})
        accept_lines(engine, 1, "test", parse_body(second))
        order()
        page = read(0)
        slow.commit()
        slow.close()
        order()
        rest = read(page.position)
        return 2 - len(page.segments) - len(rest.segments)

    insert = text(
        "insert into segment (team, stream, first, count, digest, bytes, key, body)"
        " select 1, cast('00000000000000000000000000000001' as uuid), 0, 1, digest, bytes, 'slow', body from kept"
    )
    accept_lines(engine, 1, "test", parse_body(session_lines(9, 0)))
    with engine.begin() as connection:
        connection.execute(text("create table kept as select digest, bytes, body from segment limit 1"))

    def by_serial_number():
        with engine.begin() as connection:
            connection.execute(text(SERIAL))

    assert commit_late(by_serial_number) == 1
    assert commit_late(lambda: sequencer.give_positions(engine)) == 0


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_join_without_a_gap(served, limit):
    """Pages of any size give the same lines, in the same order."""
    for number in range(6):
        served.push(b"".join(session_lines(number, 2)))
    cursor, data = "", b""
    while True:
        answer = served.get(f"/api/v1/events?after={cursor}&limit={limit}")
        data += answer.body
        cursor = answer.headers["insight-cursor"]
        if answer.headers["insight-more"] == "false":
            break
    assert data == served.export()
    assert sorted(data.splitlines()) == sorted(served.get("/api/v1/log").body.splitlines())


def test_filters_of_the_feed(served):
    """Only the lines of a stream, or of streams that started since a time, are sent."""
    one, other = session_lines(1), session_lines(120)
    served.push(b"".join(one + other))
    assert served.get(f"/api/v1/events?stream={1:032x}").body == b"".join(one)
    assert served.get("/api/v1/events?since=2026-11-20T10:01:00Z").body == b"".join(other)


def test_a_cursor_of_another_epoch_is_refused(served, engine):
    """After a restore the positions mean something else: 410, with the epoch of now."""
    cursor = served.push(b"".join(session_lines(1)))["position"]
    assert served.get(f"/api/v1/events?after={cursor}").body == b""
    with engine.begin() as connection:
        connection.execute(text("update meta set value = 'restored' where name = 'epoch'"))
    answer = served.get(f"/api/v1/events?after={cursor}")
    assert (answer.status, answer.json()["type"]) == (410, "urn:pytest-insight:problem:other-epoch")
    assert answer.json()["epoch"] == served.get("/api/v1/events").headers["insight-cursor"].split(":")[0]
    assert served.get("/api/v1/events?after=nonsense").status == 400


def test_no_push_draws_positions_while_another_has_not_committed(engine):
    """The lock is kept until the commit: else a reader would miss the push that drew first and commits last."""
    from uuid import UUID

    from pytest_insight.collector.ingest.segments import pack_segment
    from pytest_insight.collector.ingest.storing import store_segments
    from sqlalchemy.exc import OperationalError

    def segments(number):
        packed = pack_segment([session_lines(number, 0)[0][:-1]])
        place = {"place": "", "size": None}
        return [{"team": 1, "stream": UUID(int=number), "first": 0, "key": "k", **place, **packed}]

    with engine.begin() as first:
        drawn = store_segments(first, segments(1), [])
        with pytest.raises(OperationalError, match="lock timeout"), engine.begin() as second:
            second.execute(text("set local lock_timeout = '50ms'"))
            store_segments(second, segments(2), [])
    with engine.begin() as second:
        assert store_segments(second, segments(2), []) > drawn
