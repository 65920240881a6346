"""The same against a real object store over S3."""

import json
import tempfile
from pathlib import Path

import pytest
from bucket.seaweed import SECRET, SeaweedServer
from collector_homes import merged
from deltalake import DeltaTable
from lake_logs import OCTOBER, failing, slow_results, three_months
from lake_logs import SECRET as CANARY
from pytest_insight.collector.client.bucket.contents import BucketContents
from pytest_insight.collector.client.bucket.known import KnownObjects
from pytest_insight.collector.client.bucket.objects import ObjectStorage
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.lake.arrow import make_array, make_batch
from pytest_insight.lake.schema import SESSIONS
from pytest_insight.lake.tables import LakeConflictError, LakePlace


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


def test_months_go_into_a_bucket_and_are_read_from_another(tmp_path, make_home, store):
    """A mirror of a shared bucket is exported to `s3://`; nothing new is not written, and a purge leaves no text."""
    first, reader = make_home("first"), make_home("reader")
    data = three_months()
    first.log.write_bytes(data + failing("s-canary", OCTOBER, CANARY))
    first.sync("s3://logs/of the team")
    options = LakePlace("s3://logs/lake").options
    export = ["lake", "export", "--to", "s3://logs/lake", "--remote", "s3://logs/of the team", "--json"]
    actions = lambda: {each["action"] for each in json.loads(reader.here(*export).stdout)["months"]}
    assert actions() == {"written"}
    assert actions() == {"unchanged"}
    first.here("log", "purge", "--regex", CANARY, "--force")
    first.sync("s3://logs/of the team")
    export.append("--vacuum")
    assert actions() == {"replaced", "unchanged"}
    tables = [DeltaTable(f"s3://logs/lake/{name}", storage_options=options) for name in ("results", "sessions")]
    rows = tables[0].to_pyarrow_table().to_pylist()
    found = {(row["session_id"], row["nodeid"]): (row["verdict"], tuple(row["outcomes"])) for row in rows}
    expected = {key: (verdict, outcomes) for key, (_, _, _, verdict, outcomes, _) in slow_results(data).items()}
    assert {key: found[key] for key in expected} == expected
    assert CANARY not in str(rows)
    objects = ObjectStorage("s3://logs/lake")
    files = {entry.key for entry in objects.list("") if entry.key.endswith(".parquet")}
    assert len(files) == sum(len(table.file_uris()) for table in tables), "no file of an earlier version is left"


def test_two_exporters_of_one_month_of_a_bucket_are_no_two_months(make_home, store):
    """The commit is a conditional write of the object store; the one that comes second is refused."""
    home = make_home("first")
    home.log.write_bytes(three_months())
    home.here("lake", "export", "--to", "s3://logs/contested")
    tables = [LakePlace("s3://logs/contested").open(SESSIONS) for _ in range(2)]
    batch = make_batch(
        SESSIONS, 1, {column.name: make_array(column, [None]) for column in SESSIONS.columns} | {"month": "2024-10"}
    )
    tables[0].replace_month("2024-10", [batch])
    with pytest.raises(LakeConflictError):
        tables[1].replace_month("2024-10", [batch])
