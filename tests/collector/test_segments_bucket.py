"""Bodies of segments in a bucket: written before their rows, read and verified by all, never lost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from collector_buckets import forget
from collector_lines import session_lines
from collector_tables import rows_of
from pytest_insight.collector.bodies.attaching import attach_bodies, bodies_of
from pytest_insight.collector.bodies.orphans import find_orphans, remove_orphans
from pytest_insight.collector.bodies.upkeep import do_upkeep
from pytest_insight.collector.client.requests import RemoteUnavailableError
from pytest_insight.collector.database.checking import check_database
from pytest_insight.collector.ingest import accepting
from pytest_insight.collector.sending.database_place import DatabasePlace
from sqlalchemy.exc import OperationalError

PLACES = "select count(*) filter (where place <> ''), count(*) filter (where body is not null) from segment"


def orphans_of(engine):
    """Names of the objects that no row names."""
    return [one.name.text() for one in find_orphans(engine, bodies_of(engine))]


def test_bodies_are_objects_and_all_readers_find_them(placed, engine, database, bucket):
    """The rows have names alone; export, feed, questions and check read the objects."""
    lines = session_lines(1, 9, outcome="failed", text="assert 1 == 2")
    for piece in (lines[:2], lines[5:8], lines[2:5], lines[8:]):
        placed.push(b"".join(piece))
    do_upkeep(engine)
    assert rows_of(database, "", PLACES) == [(4, 0)]
    assert len(bucket.names()) == 4
    forget(engine)
    assert placed.get("/api/v1/log").body == b"".join(lines)
    assert sorted(placed.export().splitlines(keepends=True)) == sorted(lines)
    assert "assert 1 == 2" in placed.get("/api/v1/sessions").body.decode()
    assert list(check_database(engine)) == []
    assert orphans_of(engine) == []
    assert placed.push(b"".join(lines))["known"] == len(lines)


def test_a_push_that_ends_before_its_commit_is_named_by_the_next_one(placed, engine, bucket, monkeypatch):
    """The objects of the first one are orphans until the same lines come again."""
    lines = session_lines(1, 5)

    def cut_off(*_):
        raise OperationalError("insert", {}, ConnectionError("cut off"), connection_invalidated=True)

    with monkeypatch.context() as patch:
        patch.setattr(accepting, "store_segments", cut_off)
        assert placed.post("/api/v1/events", b"".join(lines)).status == 503
    assert orphans_of(engine) == bucket.names() != []
    assert placed.get("/api/v1/log").body == b""
    assert placed.push(b"".join(lines))["accepted"] == len(lines)
    assert orphans_of(engine) == []
    assert len(bucket.names()) == 1
    assert list(check_database(engine)) == []


def test_orphans_are_removed_when_they_are_a_day_old_and_unnamed(placed, engine, bucket):
    """One that is named by the time of its removal stays, as does a younger one."""
    old, named = session_lines(1, 5), session_lines(2, 5)
    bodies_of(engine).write_all({"v1/1/" + "0" * 31 + "9/0-1-" + "a" * 32 + ".jsonl.zst": b"x"})
    placed.push(b"".join(named))
    listed = list(find_orphans(engine, bodies_of(engine)))
    assert len(listed) == 1
    assert remove_orphans(engine, bodies_of(engine), listed) == 0
    later = datetime.now(UTC) + timedelta(days=1, hours=1)
    everything = [one._replace(name=one.name) for one in listed]
    named_one = listed[0]._replace(name=_name_in(bucket, 2))
    assert remove_orphans(engine, bodies_of(engine), [*everything, named_one], later) == 1
    assert len(bucket.names()) == 1
    assert placed.get("/api/v1/log").body == b"".join(named)
    assert placed.push(b"".join(old))["accepted"] == len(old)


def _name_in(bucket, number):
    """Parts of the name of the object of a session."""
    from pytest_insight.collector.bodies.names import parse_name

    return next(name for name in map(parse_name, bucket.names()) if name.stream.int == number)


def test_a_name_that_was_deleted_is_not_named_while_the_deletion_may_go_on(placed, engine, database, bucket):
    """Its lines are acknowledged and stored in the row; the object is written again after the deletion is forgotten."""
    lines = session_lines(1, 5)
    store = bodies_of(engine)
    store.write_all({"v1/1/" + "0" * 31 + "1/0-7-" + _digest(lines) + ".jsonl.zst": b"an orphan"})
    later = datetime.now(UTC) + timedelta(days=2)
    assert remove_orphans(engine, store, list(find_orphans(engine, store)), later) == 1
    assert placed.push(b"".join(lines))["accepted"] == 7
    assert rows_of(database, "", PLACES) == [(0, 1)]
    do_upkeep(engine)
    assert rows_of(database, "", PLACES) == [(0, 1)]
    assert bucket.names() == []
    rows_of(database, "", "update object_work set done = now() - interval '2 days' where kind = 'delete' returning 1")
    do_upkeep(engine)
    do_upkeep(engine)
    assert rows_of(database, "", PLACES) == [(1, 0)]
    assert placed.get("/api/v1/log").body == b"".join(lines)


def _digest(lines):
    from pytest_insight.collector.ingest.segments import pack_segment

    return pack_segment([line[:-1] for line in lines])["digest"].hex()


def test_what_is_stored_without_the_bucket_is_moved_there(placed, engine, database):
    """A run that writes to the database alone need not know the bucket; reading it without the bucket names that."""
    lines = session_lines(1, 5)
    place = DatabasePlace(database)
    try:
        assert place.push(b"".join(lines)).accepted == len(lines)
        assert rows_of(database, "", PLACES) == [(0, 1)]
        do_upkeep(engine)
        assert rows_of(database, "", PLACES) == [(1, 0)]
        with pytest.raises(RemoteUnavailableError, match="INSIGHT_SEGMENTS"):
            place.push(b"".join(lines))
    finally:
        place.close()
    assert placed.get("/api/v1/log").body == b"".join(lines)
    attach_bodies(engine, None)  # as a server that was started before
    answer = placed.get("/api/v1/events")
    assert (answer.status, "--segments" in answer.json()["detail"]) == (503, True)
    assert placed.get("/api/v1/keys").status == 200
    assert placed.push(b"".join(session_lines(2, 5)))["accepted"] == 7


def test_a_bucket_that_is_away_refuses_pushes_and_nothing_else(placed, engine, database, bucket):
    """503 with `Retry-After`, nothing is half stored; keys and questions go on; later the push succeeds."""
    placed.push(b"".join(session_lines(1, 5)))
    assert placed.get("/api/v1/session-list").status == 200
    bucket.faults.refuse("write", "read", "list", "delete")
    answer = placed.post("/api/v1/events", b"".join(session_lines(2, 5)))
    assert (answer.status, answer.json()["type"]) == (503, "urn:pytest-insight:problem:unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert rows_of(database, "", "select count(*) from segment") == [(1,)]
    assert rows_of(database, "", "select count(*) from stream") == [(1,)]
    assert placed.get("/api/v1/session-list").status == 200
    assert placed.get("/api/v1/keys").status == 200
    forget(engine)
    assert placed.get("/api/v1/events").status == 503
    bucket.faults.refuse()
    assert placed.push(b"".join(session_lines(2, 5)))["accepted"] == 7


def test_a_bucket_that_hangs_does_not_hold_questions(placed, engine, bucket):
    """More pushes wait for it than the server has threads; questions are answered meanwhile."""
    hold, waiting = threading.Event(), threading.Semaphore(0)

    def hang(what, key):
        if what == "write":
            waiting.release()
            hold.wait(60)

    bucket.faults.fail = hang
    answers = []
    pushes = [
        threading.Thread(target=lambda n=n: answers.append(placed.push(b"".join(session_lines(n, 1)))["accepted"]))
        for n in range(1, 61)
    ]
    for thread in pushes:
        thread.start()
    try:
        for _ in range(40):
            assert waiting.acquire(timeout=60)
        assert placed.get("/api/v1/keys", timeout_s=20).status == 200
        assert placed.get("/api/v1/session-list", timeout_s=20).status == 200
        assert answers == []
    finally:
        hold.set()
        for thread in pushes:
            thread.join()
    assert answers == [3] * 60


@pytest.mark.parametrize("damage", ["flipped", "gone", "bomb"])
def test_a_damaged_object_is_a_finding_that_names_its_segment(placed, engine, bucket, damage):
    """The check names it; the feed says where it goes on; a push of all its lines writes it again, for all readers."""
    from pytest_insight.collector.client.addresses import Address
    from pytest_insight.collector.client.requests import Collector
    from pytest_insight.collector.ingest.segments import zstd

    sessions = [session_lines(number, 3) for number in (1, 2, 3)]
    for lines in sessions:
        placed.push(b"".join(lines))
    path = bucket.folder / _name_in(bucket, 2).text()
    body = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        flipped = body[:30] + bytes([body[30] ^ 1]) + body[31:]
        path.write_bytes({"flipped": flipped, "bomb": zstd.compress(bytes(1 << 26))}[damage])
    forget(engine)
    (found,) = check_database(engine)
    assert f"{2:032x}/0" in found
    answer = placed.get("/api/v1/events")
    assert answer.body == b"".join(sessions[0])
    answer = placed.get(f"/api/v1/events?after={answer.headers['insight-cursor']}")
    assert (answer.status, answer.json()["type"]) == (500, "urn:pytest-insight:problem:damaged")
    assert f"{2:032x}/0" in answer.json()["detail"]
    client, cursor, pages = Collector(Address(placed.url, placed.key)), "", []
    while not pages or pages[-1].more:
        pages.append(client.pull(cursor, 100))
        cursor = pages[-1].cursor
    client.close()
    assert b"".join(page.data for page in pages) == b"".join(sessions[0] + sessions[2])
    (finding,) = [finding for page in pages for finding in page.findings]
    assert f"{2:032x}/0" in finding
    assert len(placed.get("/api/v1/session-list").json()) in (2, 3)
    assert placed.post("/api/v1/events", b"".join(sessions[1][:3])).status == 500
    cursor = pages[-1].cursor
    assert placed.push(b"".join(sessions[1]))["known"] == len(sessions[1])
    assert path.read_bytes() == body
    assert placed.get(f"/api/v1/events?after={cursor}").body == b"".join(sessions[1])
    forget(engine)
    assert list(check_database(engine)) == []
    assert placed.get("/api/v1/log").body == b"".join(line for lines in sessions for line in lines)
