"""What was purged from one log leaves the bucket and comes back from nowhere; old sessions leave it when asked."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_insight.collector.client.bucket.segments import zstd
from pytest_insight.eventlog.events import SessionFinished, SessionStarted
from pytest_insight.eventlog.files.system import SYSTEM
from pytest_insight.eventlog.writer import LogWriter

CANARY = "canary-7f3a"


def texts(objects):
    """Return the lines of all objects."""
    return b"".join(zstd.decompress(data) for key, data in objects().items() if key.endswith(".zst"))


def purge_text(home):
    """Remove the text from the log of a home."""
    words = home.folder / "words"
    words.write_text(f"{CANARY}\n")
    home.here("log", "purge", "--match-file", words, "--force")


@pytest.fixture
def shared(make_home, bucket):
    """Two homes that have the events of each other, one with a text that has to go."""
    first, second = make_home("first"), make_home("second")
    first.record(CANARY)
    first.record("kept")
    second.record("other")
    for home in (first, second, first):
        home.sync(bucket)
    assert CANARY.encode() in second.log.read_bytes()
    return first, second


def test_a_purged_text_leaves_the_bucket(shared, bucket, objects):
    """Also after a sync of a machine that still has it."""
    first, second = shared
    purge_text(first)
    assert CANARY.encode() not in first.log.read_bytes()
    first.sync(bucket)
    assert CANARY.encode() not in texts(objects)
    second.sync(bucket, check=False)
    assert CANARY.encode() not in texts(objects)


def test_a_mirror_follows_a_purge(shared, bucket, make_home):
    """The events stay, without the text."""
    first, _ = shared
    reader = make_home("reader")
    reader.here("profile", "create", "ci", "--type", "bucket", "--url", bucket)
    reader.here("session", "list", "-p", "ci")
    log = reader.folder / "ci.jsonl"
    assert CANARY.encode() in log.read_bytes()
    purge_text(first)
    first.sync(bucket)
    answer = json.loads(reader.here("session", "list", "-p", "ci", "--json").stdout)
    assert CANARY.encode() not in log.read_bytes()
    assert len(answer) == 3


def test_a_purged_session_is_not_sent_again_by_a_home_that_has_it(shared, bucket, objects):
    """Its tombstone is read before anything is sent."""
    first, second = shared
    first.here("log", "purge", "--session", CANARY, "--force")
    first.sync(bucket)
    assert CANARY.encode() not in texts(objects)
    report = second.sync(bucket, check=False)
    assert report["dropped_streams"] == 1
    assert CANARY.encode() not in texts(objects)


def test_a_purge_that_was_cut_off_is_finished_by_the_next_run(shared, bucket, objects, monkeypatch):
    """Killed between the new objects and the removal of the old one."""
    from pytest_insight.collector.client.bucket.objects import ObjectStorage

    first, _ = shared
    purge_text(first)

    def killed(_self, _key):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStorage, "delete", killed)
        first.here("sync", bucket, check=False)
    assert CANARY.encode() in texts(objects)
    first.sync(bucket)
    assert CANARY.encode() not in texts(objects)


def record_at(log, name, when):
    """Record a session of another day."""
    system = type("Past", (type(SYSTEM),), {"time_ns": lambda _self: int(when.timestamp() * 1e9)})()
    writer = LogWriter(log, durability="never", system=system)
    writer.append(SessionStarted(session_id=name, sut="shop"))
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()


def test_old_sessions_are_removed_and_not_sent_again(make_home, bucket, objects):
    """Logs keep theirs, and a longer time brings them back."""
    home, other = make_home("home"), make_home("other")
    record_at(home.log, "old", datetime.now(UTC) - timedelta(days=40))
    home.record("new")
    assert home.sync(bucket)["sent"] > 0
    assert len(objects()) == 2
    home.sync(bucket, "--keep", "30d")
    assert b'"old"' not in texts(objects)
    report = home.sync(bucket)
    assert report["sent"] == 0
    other.sync(bucket)
    assert b'"old"' not in other.log.read_bytes()
    assert b'"old"' in home.log.read_bytes()
    home.sync(bucket, "--keep", "0")
    assert home.sync(bucket)["sent"] + home.sync(bucket)["sent"] >= 0
    assert b'"old"' in texts(objects)


def test_only_young_sessions_are_sent_and_fetched(make_home, bucket, objects):
    """By the day on which they began."""
    home, other = make_home("home"), make_home("other")
    record_at(home.log, "old", datetime.now(UTC) - timedelta(days=40))
    home.record("new")
    home.sync(bucket, "--since", "30d")
    assert b'"old"' not in texts(objects)
    home.sync(bucket)
    assert b'"old"' in texts(objects)
    other.sync(bucket, "--since", "30d")
    assert b'"old"' not in other.log.read_bytes()
    assert b'"new"' in other.log.read_bytes()


def test_an_ordinary_log_says_what_was_purged_elsewhere_and_removes_it_when_asked(shared, bucket):
    """Texts and whole sessions; it stays until then, whatever the order of syncs, and is no conflict."""
    first, second = shared
    purge_text(first)
    first.here("log", "purge", "--session", "kept", "--force")
    first.sync(bucket)
    for _ in range(2):
        report = second.sync(bucket, check=False)
        assert (report["conflicts"], report["purged_elsewhere"] > 3) == ([], True)
        assert CANARY.encode() in second.log.read_bytes()
    said = second.here("sync", bucket, check=False)
    assert said.returncode == 1
    assert "of this log were purged on another machine; `insight sync --purge` removes them here" in said.stdout
    report = second.sync(bucket, "--purge", "--verify")
    assert (report["purged_elsewhere"], report["conflicts"], report["verified"]["only_remote"]) == (0, [], 0)
    assert CANARY.encode() not in second.log.read_bytes()
    assert sorted(first.log.read_bytes().splitlines()) == sorted(second.log.read_bytes().splitlines())
    assert second.sync(bucket)["fetched"] == 0
