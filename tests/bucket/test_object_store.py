"""The same against a real object store over S3."""

import json
import tempfile
from pathlib import Path

import pytest
from bucket.seaweed import SECRET, SeaweedServer
from collector_homes import merged
from pytest_insight.collector.client.bucket.contents import BucketContents
from pytest_insight.collector.client.bucket.known import KnownObjects
from pytest_insight.collector.client.bucket.objects import ObjectStorage
from pytest_insight.eventlog.reader import Record, read_records


@pytest.fixture(scope="module")
def server():
    """The store."""
    found = SeaweedServer(Path(tempfile.mkdtemp(prefix="insight-s3-")))
    found.start()
    yield found
    found.remove()


@pytest.fixture
def store(server, monkeypatch):
    """The store, reached by the environment of this process."""
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return server


def test_homes_share_a_bucket_of_an_object_store(tmp_path, make_home, store):
    """Both come to the events of a merge."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    second.record("b")
    expected = merged(tmp_path, first.log, second.log)
    for home in (first, second, first):
        home.sync("s3://logs/shared/by two")
    assert {merged(tmp_path, home.log) for home in (first, second)} == {expected}
    assert first.sync("s3://logs/shared/by two", "--verify")["verified"]["only_local"] == 0
    assert second.sync("s3://logs/other")["fetched"] == 0, "another prefix is another bucket"


def test_a_list_of_more_than_a_thousand_objects_is_read_to_its_end(make_home, store):
    """The store answers with 1,000 names at once."""
    first, second = make_home("first"), make_home("second")
    first.record("a", tests=550)
    records = [item for item in read_records(first.log) if isinstance(item, Record)]
    contents = BucketContents(ObjectStorage("s3://logs/many"), KnownObjects(first.folder / "known"), may_write=True)
    for item in records:
        contents.write(item.envelope.stream, item.envelope.seq, [item.line])
    assert len(records) > 1100
    assert second.sync("s3://logs/many")["fetched"] == len(records)
    assert second.log.read_bytes() == first.log.read_bytes()


def test_wrong_credentials_are_refused_and_not_shown(make_home, store, monkeypatch):
    """The message names no secret."""
    home = make_home("home")
    home.record("a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-77aa")
    result = home.here("sync", "s3://logs/refused", check=False)
    assert result.returncode not in (0, 1)
    assert "check the credentials" in result.stderr
    assert "wrong-secret-77aa" not in result.stdout + result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_a_store_that_is_killed_costs_nothing(make_home, store):
    """What it acknowledged is there when it is back; what it did not is sent by the next run."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    first.sync("s3://logs/killed")
    first.record("b")
    store.kill()
    try:
        result = first.here("sync", "s3://logs/killed", "--wait", "0", check=False)
        assert result.returncode not in (0, 1)
        assert "nothing is lost" in result.stderr
        answer = first.here("session", "list", "--json")
        assert len(json.loads(answer.stdout)) == 2
    finally:
        store.start()
    assert first.sync("s3://logs/killed")["sent"] > 0
    assert second.sync("s3://logs/killed")["fetched"] == len(first.log.read_bytes().splitlines())
