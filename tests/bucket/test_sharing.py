"""Homes that share nothing but a bucket come to the same events: those of a merge of their logs."""

import json
import random
import shutil

import pytest
from collector_homes import merged
from pytest_insight.collector.client.bucket.contents import BucketContents
from pytest_insight.collector.client.bucket.known import KnownObjects
from pytest_insight.collector.client.bucket.objects import ObjectStorage
from pytest_insight.eventlog.reader import Record, read_records


def lines_of(log):
    """Return the lines of a log, without their order."""
    return sorted(item.line for item in read_records(log) if isinstance(item, Record))


def test_two_homes_and_a_job_see_the_sessions_of_each_other(tmp_path, make_home, bucket):
    """After two rounds all three have the events of a merge of their logs."""
    first, second, job = make_home("first"), make_home("second"), make_home("job")
    first.record("a")
    second.record("b", collect=False)
    job.record("c")
    expected = merged(tmp_path, first.log, second.log, job.log)
    for home in (first, second, job, first, second):
        report = home.sync(bucket)
        assert report["conflicts_total"] == 0
        assert report["findings"] == []
    for home in (first, second, job):
        assert merged(tmp_path, home.log) == expected
        assert len(json.loads(home.here("session", "list", "--all", "--json").stdout)) == 3
        again = home.sync(bucket, "--verify")
        assert (again["sent"], again["fetched"]) == (0, 0)
        assert again["verified"]["same"] == len(lines_of(first.log))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_with_an_older_copy_converges(tmp_path, make_home, bucket, objects, seed):
    """A home is set back to an older copy, another one loses what it knows of the bucket, and all sync at random."""
    rng = random.Random(seed)
    homes = [make_home(f"home-{number}") for number in range(3)]
    logs = []
    for number in range(9):
        home = rng.choice(homes)
        home.record(f"s{number}", tests=rng.randint(1, 5), collect=rng.random() < 0.7)
        if rng.random() < 0.5:
            rng.choice(homes).sync(bucket, *rng.choice([[], ["--push"], ["--pull"]]))
        if number == 4 and homes[0].log.exists():
            shutil.copy(homes[0].log, tmp_path / "older.jsonl")
        logs = [home.log for home in homes]
    expected = merged(tmp_path, *[log for log in logs if log.parent.exists()])
    if (tmp_path / "older.jsonl").exists():
        homes[0].sync(bucket)
        shutil.copy(tmp_path / "older.jsonl", homes[0].log)
    shutil.rmtree(homes[1].folder / "remotes", ignore_errors=True)
    for home in (*homes, *homes):
        home.sync(bucket)
    assert {merged(tmp_path, home.log) for home in homes} == {expected}
    before = objects()
    for home in homes:
        report = home.sync(bucket)
        assert (report["sent"], report["fetched"]) == (0, 0)
    assert objects() == before


def test_a_log_of_a_job_is_sent_by_its_path(make_home, bucket, tmp_path):
    """As `pytest --insight-log` writes it, for a job without a home."""
    job, home = make_home("job"), make_home("home")
    job.record("a")
    shutil.move(job.log, tmp_path / "job.jsonl")
    assert job.sync(bucket, "--log", tmp_path / "job.jsonl", "--push")["sent"] > 0
    home.sync(bucket)
    assert lines_of(home.log) == lines_of(tmp_path / "job.jsonl")


def test_a_session_that_grows_is_sent_in_pieces(make_home, bucket, objects):
    """Each piece is an object; the next run sends only what follows."""
    first, second = make_home("first"), make_home("second")
    storage = ObjectStorage(bucket)
    first.record("a", tests=600)
    records = [item for item in read_records(first.log) if isinstance(item, Record)]
    contents = BucketContents(storage, KnownObjects(first.folder / "known"), may_write=True)
    for item in records[:1100]:
        contents.write(item.envelope.stream, item.envelope.seq, [item.line])
    assert len(objects()) == 1100
    assert first.sync(bucket)["sent"] == len(records) - 1100
    second.sync(bucket)
    assert second.log.read_bytes() == first.log.read_bytes()


def test_a_dry_run_and_a_question_change_nothing(make_home, bucket, objects):
    """Neither writes an object."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    first.sync(bucket)
    second.record("b")
    before = objects()
    report = second.sync(bucket, "--dry-run")
    assert (report["to_send"], report["fetched"]) == (len(lines_of(second.log)), len(lines_of(first.log)))
    answer = json.loads(second.here("session", "list", "--remote", bucket, "--json").stdout)
    assert [session["session_id"] for session in answer] == ["a"]
    assert objects() == before


def test_a_profile_of_a_bucket_is_filled_before_each_question(make_home, bucket):
    """Its user runs no sync."""
    first, reader = make_home("first"), make_home("reader")
    reader.here("profile", "create", "ci", "--type", "bucket", "--url", bucket)
    for number in range(2):
        first.record(f"s{number}")
        first.sync(bucket)
        answer = json.loads(reader.here("session", "list", "-p", "ci", "--json").stdout)
        assert len(answer) == number + 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--type", "bucket", "--url", "https://insight.example.com"], "--type remote"),
        (["--type", "remote", "--url", "s3://logs/x"], "--type bucket"),
        (["--type", "bucket"], "needs a URL"),
        (["--type", "bucket", "--url", "s3://key:secret@logs/x"], "environment"),
    ],
)
def test_a_profile_with_another_url_is_refused(make_home, arguments, reason):
    """The message says which type it would be."""
    result = make_home("home").here("profile", "create", "ci", *arguments, check=False)
    assert result.returncode == 1
    assert reason in result.stderr
    assert "secret@" not in result.stderr


@pytest.mark.parametrize("url", ["s3://", "file://host", "s3://key:secret@logs", "s3://logs?x=1", "ftp://logs/x"])
def test_a_url_that_cannot_be_used_is_refused(make_home, url):
    """Before anything is read or written."""
    result = make_home("home").here("sync", url, check=False)
    assert result.returncode not in (0, 1)
    assert "secret@" not in result.stderr
