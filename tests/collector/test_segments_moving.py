"""Bodies leave a bucket and the database: by purges, retention, moves and backups, each cut off anywhere."""

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from collector_buckets import FolderBucket, forget
from collector_lines import purged_lines, session_lines
from collector_tables import rows_of
from collectors import ThreadCollector, context_of, everything
from histories import write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.bodies import moving
from pytest_insight.collector.bodies.attaching import bodies_of
from pytest_insight.collector.bodies.moving import move_to_bucket, move_to_database
from pytest_insight.collector.bodies.orphans import find_orphans
from pytest_insight.collector.bodies.owning import SegmentsSettingError
from pytest_insight.collector.bodies.store import BodiesUnavailableError
from pytest_insight.collector.bodies.upkeep import do_upkeep
from pytest_insight.collector.database.checking import check_database
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.retention.expiring import remove_expired
from sqlalchemy import text

CANARY = "canary-71d0"
PLACES = "select count(*) filter (where place <> ''), count(*) filter (where body is not null) from segment"


@pytest.fixture
def purged(tmp_path):
    """Lines of a log before and after `insight log purge` of a text."""
    return purged_lines(tmp_path, CANARY)


def push_with_orphan(placed, engine, before):
    """Push a log, and leave an object with other cuts of its lines that no row names, as a push that was cut off."""
    from pytest_insight.collector.bodies.writing import name_object
    from pytest_insight.collector.ingest.parsing import parse_body
    from pytest_insight.collector.ingest.segments import pack_segment

    placed.push(b"".join(before))
    ((stream, lines),) = parse_body([b"".join(before[8:11])]).streams.items()
    part = {"stream": stream, "first": lines[0].seq, **pack_segment([line.line for line in lines])}
    bodies_of(engine).write_all({name_object(1, part): part["body"]})


def test_a_purge_removes_the_text_from_all_objects(placed, engine, database, bucket, purged):
    """Also from one that no row names; what is left is moved to the bucket; an old copy leaves nothing there."""
    before, after = purged
    push_with_orphan(placed, engine, before)
    assert CANARY.encode() in bucket.everything()
    answer = placed.push(b"".join(after))
    assert (answer["conflicts"], answer["removed"]) == ([], 5)
    assert CANARY.encode() not in bucket.everything() + everything(database)
    assert placed.push(b"".join(before))["purged"] == 5
    do_upkeep(engine)
    assert CANARY.encode() not in bucket.everything() + everything(database)
    assert rows_of(database, "", PLACES)[0][1] == 0
    assert sorted(placed.get("/api/v1/log").body.splitlines(keepends=True)) == sorted(after)
    assert list(check_database(engine)) == []
    assert list(find_orphans(engine, bodies_of(engine))) == []


@pytest.mark.parametrize("request_kind", ["read", "list", "delete"])
def test_a_purge_that_is_cut_off_is_acknowledged_when_the_objects_are_gone(
    placed, engine, database, bucket, purged, request_kind
):
    """503 until then; the same push again, or the server by itself, goes on."""
    before, after = purged
    push_with_orphan(placed, engine, before)
    forget(engine)
    bucket.faults.refuse(request_kind)
    assert placed.post("/api/v1/events", b"".join(after)).status == 503
    assert CANARY.encode() in bucket.everything()
    bucket.faults.refuse()
    if request_kind == "delete":
        do_upkeep(engine)
        assert CANARY.encode() not in bucket.everything() + everything(database)
    placed.push(b"".join(after))
    assert CANARY.encode() not in bucket.everything() + everything(database)
    assert sorted(placed.get("/api/v1/log").body.splitlines(keepends=True)) == sorted(after)


def test_a_push_that_has_written_its_object_before_a_purge_leaves_none(placed, engine, database, bucket, purged):
    """The object with the text is there while the purge is acknowledged, and goes with the end of the push."""
    before, after = purged
    written, go_on = threading.Event(), threading.Event()
    answers = []

    def pause(what, key):
        if what == "write" and f"/{2:032x}/" in key and not written.is_set():
            FolderBucket(bucket.folder).faults.write(key, _packed(before[7:14]))
            written.set()
            go_on.wait(60)

    bucket.faults.fail = pause
    slow = threading.Thread(target=lambda: answers.append(placed.push(b"".join(before[7:14]))))
    slow.start()
    assert written.wait(60)
    placed.push(b"".join(after))
    go_on.set()
    slow.join()
    assert answers[0]["purged"] == 5
    do_upkeep(engine)
    assert CANARY.encode() not in bucket.everything() + everything(database)
    assert list(check_database(engine)) == []


def _packed(lines):
    from pytest_insight.collector.ingest.segments import pack_segment

    return pack_segment([line[:-1] for line in lines])["body"]


def test_retention_removes_rows_before_objects(placed, engine, database, bucket):
    """While the bucket is away the rows are dropped; the objects follow."""
    now = datetime.now(UTC)
    old, new = (write_session(f"s{n}", 0, [("t.py::a", "passed")], start=now - timedelta(days=n)) for n in (100, 1))
    placed.push(old + new)
    rows_of(database, "", "update team set settings = '{\"keep_days\": 90}' returning 1")
    assert len(bucket.names()) == 2
    bucket.faults.refuse("list", "delete", "write", "read")
    (done,) = remove_expired(engine, now)
    assert (done.streams, done.bytes > 0) == (1, True)
    assert len(bucket.names()) == 2
    with pytest.raises(BodiesUnavailableError):
        do_upkeep(engine)
    bucket.faults.refuse()
    do_upkeep(engine)
    assert len(bucket.names()) == 1
    assert placed.push(old)["expired"] > 0
    assert len(bucket.names()) == 1
    assert placed.get("/api/v1/log").body == new


def test_moves_are_continued_wherever_they_are_cut_off_and_beside_pushes(served, engine, database, bucket, monkeypatch):
    """To the bucket and back, each request fails once; the log is the same all the time, and no body is lost."""
    monkeypatch.setattr(moving, "_BATCH", 3)
    sessions = [session_lines(number, 2) for number in range(1, 21)]
    for lines in sessions[:12]:
        served.push(b"".join(lines))
    store = bucket.attach(engine, adopt=False)
    pushed = 12
    for move, kinds in ((move_to_bucket, ("write",)), (move_to_database, ("read", "delete"))):
        for kind in (*kinds, ""):
            _fail_later(bucket, kind)
            forget(engine)
            if kind:
                with pytest.raises(BodiesUnavailableError):
                    move(engine, store)
            else:
                assert move(engine, store).left == 0
            bucket.faults.refuse()
            served.push(b"".join(sessions[pushed]))
            pushed += 1
            forget(engine)
            expected = b"".join(line for lines in sessions[:pushed] for line in lines)
            assert served.get("/api/v1/log").body == expected
            assert list(check_database(engine)) == []
        do_upkeep(engine)
        placed, kept = rows_of(database, "", PLACES)[0]
        assert (placed, kept) == ((pushed, 0) if move is move_to_bucket else (0, pushed))
    assert bucket.names() == []


def _fail_later(bucket, kind):
    """Let the fifth request of a kind fail."""
    from pytest_insight.collector.client.requests import RemoteUnavailableError

    count = 0

    def fail(what, key):
        nonlocal count
        count += what == kind
        if what == kind and count >= 5:
            raise RemoteUnavailableError(bucket.url, "cut off", "later")

    bucket.faults.fail = fail


def run_json(capsys, *arguments, code=0):
    """JSON of a command."""
    capsys.readouterr()
    assert main.run([*arguments, "--json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


def test_a_killed_move_is_continued_and_a_server_needs_the_bucket(served, engine, database, bucket, tmp_path, capsys):
    """SIGKILL in the middle; the second run moves the rest; a server without the bucket does not start."""
    for number in range(1, 601, 12):
        served.push(b"".join(line for n in range(number, number + 12) for line in session_lines(n, 0)))
    before = served.get("/api/v1/log").body
    move = [sys.executable, "-m", "pytest_insight.cli", "db", "move-segments", "--to", bucket.url, "--db-url", database]
    planned = run_json(capsys, "db", "move-segments", "--to", bucket.url, "--db-url", database, "--dry-run")
    assert (planned["segments"], planned["left"]) == (600, 600)
    assert bucket.names() == []
    with engine.begin() as connection:  # the last batch cannot be finished, however fast the move is
        connection.execute(text("select from stream order by team desc, stream desc limit 1 for update"))
        process = subprocess.Popen([*move, "--json"], stdout=subprocess.DEVNULL)
        while len(bucket.names()) < 210:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    placed, kept = rows_of(database, "", PLACES)[0]
    assert 0 < placed < 600
    told = run_json(capsys, "db", "move-segments", "--to", bucket.url, "--db-url", database)
    assert (told["segments"], told["left"], told["findings"]) == (kept, 0, [])
    bucket.attach(engine)
    assert served.get("/api/v1/log").body == before
    assert main.run(["serve", "--db-url", database, "--port", "0"]) == 3
    assert f"--segments {bucket.url}" in capsys.readouterr().err
    other = (tmp_path / "other").as_uri()
    assert main.run(["serve", "--db-url", database, "--port", "0", "--segments", other]) == 3
    assert "no object of this database" in capsys.readouterr().err
    assert main.run(["db", "check", "--db-url", database]) == 3
    assert run_json(capsys, "db", "check", "--db-url", database, "--segments", bucket.url)["ok"]


def test_a_database_does_not_take_the_bucket_of_another_one(placed, engine, empty, bucket, capsys):
    """Neither by a start of a server nor by a move: its orphans would be objects that the other one needs."""
    placed.push(b"".join(session_lines(1, 2)))
    assert main.run(["db", "upgrade", "--db-url", empty]) == 0
    for command in (["serve", "--port", "0", "--segments"], ["db", "move-segments", "--to"]):
        capsys.readouterr()
        assert main.run([*command, bucket.url, "--db-url", empty]) == 3
        assert "belong to another database" in capsys.readouterr().err
    assert main.run(["serve", "--port", "0", "--segments", "s3://user:secret-8f@bucket/x", "--db-url", empty]) != 0
    assert "secret-8f" not in capsys.readouterr().err


def test_a_backup_names_the_bucket_and_its_restore_looks_for_each_object(
    placed, engine, database, empty, bucket, tmp_path, capsys
):
    """Rows whose objects are gone are dropped, and clients send them again; the old database loses the bucket."""
    sessions = [session_lines(number, 3) for number in (1, 2, 3)]
    for lines in sessions:
        placed.push(b"".join(lines))
    placed.get("/api/v1/session-list")
    target = tmp_path / "old.dump"
    told = run_json(capsys, "db", "backup", str(target), "--db-url", database)
    assert (told["segments_url"], told["segments_elsewhere"]) == (bucket.url, 3)
    (bucket.folder / bucket.names()[1]).unlink()
    assert main.run(["db", "restore", str(target), "--db-url", empty]) == 3
    assert f"--segments {bucket.url}" in capsys.readouterr().err
    told = run_json(capsys, "db", "restore", str(target), "--db-url", empty, "--segments", bucket.url)
    assert (told["segments_elsewhere"], told["segments_missing"]) == (2, 1)
    renewed = open_engine(empty, segments=bucket.url)
    restored = ThreadCollector(context_of(renewed, tmp_path / "restored"), placed.key)
    try:
        assert len(restored.get("/api/v1/session-list").json()) == 2
        assert restored.push(b"".join(line for lines in sessions for line in lines))["accepted"] == len(sessions[1])
        assert restored.get("/api/v1/log").body == b"".join(line for lines in sessions for line in lines)
        assert len(restored.get("/api/v1/session-list").json()) == 3
        assert list(check_database(renewed)) == []
    finally:
        restored.stop()
        renewed.dispose()
    noted = "insert into object_work (team, stream, kind) select team, stream, 'sweep' from segment returning 1"
    rows_of(database, "", noted)
    with pytest.raises(SegmentsSettingError, match="another database"):
        do_upkeep(engine)
