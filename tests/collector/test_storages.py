"""Storages of a team in the Python API: a collector, its database, and a client that knows HTTP alone."""

import subprocess
import sys
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta

import pytest
import requests
from collectors import make_key
from pytest_insight.api import (
    DatabaseStorage,
    InMemoryStorage,
    InsightAnalyzer,
    JSONStorage,
    RemoteStorage,
    RemoteStorageConfig,
    StorageBackend,
)
from pytest_insight.collector.client.addresses import RemoteAddressError
from pytest_insight.collector.client.requests import RemoteError, RemoteRefusedError
from pytest_insight.collector.server import sessions_api
from pytest_insight.models import RerunTestGroup, TestResult, TestSession

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def session(number=0, sut="shop", **more):
    """A session with a test that was run again, texts and tags."""
    start = START + timedelta(hours=number)
    attempts = [
        TestResult("t.py::test_a", outcome, start + timedelta(seconds=second), duration=0.5, longreprtext="E   boom")
        for second, outcome in enumerate(("rerun", "failed"))
    ]
    return TestSession(
        sut, {"name": "ci-1"}, f"s{number}", start, session_duration=2.0, session_tags={"team": "pay"},
        test_results=attempts, rerun_test_groups=[RerunTestGroup("t.py::test_a", attempts)], **more,
    )  # fmt: skip


@pytest.fixture(params=["remote", "database"])
def storage(request, served, database):
    """A storage of an empty team."""
    if request.param == "remote":
        made = RemoteStorage(RemoteStorageConfig(served.url, served.key, "default"))
    else:
        made = DatabaseStorage(database)
    yield made
    made.close()


def test_sessions_come_back_as_they_are_from_a_local_storage(storage):
    """The earliest first, each once, with results, texts and groups; filters and questions work on both."""
    local = InMemoryStorage()
    for number in (2, 0, 1, 0):
        for each in (local, storage):
            each.save_session(session(number, sut="shop" if number < 2 else "bank"))
    ids = lambda sessions: [one.session_id for one in sessions]
    assert ids(storage.load_sessions()) == ["s0", "s1", "s2"]
    assert [one.to_dict() for one in storage.load_sessions()] == [one.to_dict() for one in local.load_sessions()]
    assert ids(storage.load_matching("shop", START + timedelta(minutes=1))) == ["s1"]
    assert storage.get_session_by_id("s1").test_results[1].longreprtext == "E   boom"
    assert storage.get_last_session().session_id == "s2"
    assert ids(InsightAnalyzer(storage).get_test_history(sut="bank")) == ["s2"]


def test_a_storage_is_a_backend_and_removes_nothing(storage):
    """The smallest interface is shared by all; what a team has collected is not cleared by one of them."""
    assert isinstance(storage, StorageBackend)
    assert issubclass(JSONStorage, StorageBackend)
    storage.save_session(session())
    with pytest.raises(NotImplementedError, match="log purge"):
        storage.clear_sessions()
    assert len(storage.load_sessions()) == 1


def test_more_sessions_than_a_page_are_loaded(served, monkeypatch):
    """Page by page, also while others store sessions."""
    monkeypatch.setattr("pytest_insight.collector.storages._PAGE", 2)
    storage = RemoteStorage(RemoteStorageConfig(served.url + "/", served.key))
    for number in range(5):
        storage.save_session(session(number))
    later = iter(range(5, 100))
    load = sessions_api.load_session

    def load_and_store(model, row):
        if row.session_id == "s3":
            storage.save_session(session(next(later)))
        return load(model, row)

    assert [one.session_id for one in storage.load_sessions()] == [f"s{number}" for number in range(5)]
    monkeypatch.setattr(sessions_api, "load_session", load_and_store)
    found = [one.session_id for one in storage.load_sessions()]
    assert found == sorted(set(found))
    assert {f"s{number}" for number in range(5)} <= set(found)


def test_the_team_of_the_key_has_to_be_the_one_that_is_meant(served, engine):
    """Another `team_id` is refused before anything is stored, and never decides."""
    other = make_key(engine, team="payments")
    with pytest.raises(RemoteRefusedError, match="not of the team"):
        RemoteStorage(RemoteStorageConfig(served.url, other, "default")).save_session(session())
    RemoteStorage(RemoteStorageConfig(served.url, other, "payments")).save_session(session())
    assert RemoteStorage(RemoteStorageConfig(served.url, served.key)).load_sessions() == []


def test_errors_are_raised_and_no_session_is_invented(served, monkeypatch):
    """A wrong key, a dead port, a missing key, another database: the reason, never an empty list."""
    with pytest.raises(RemoteRefusedError, match="401"):
        RemoteStorage(RemoteStorageConfig(served.url, "ik_00000000_" + "x" * 43)).load_sessions()
    with pytest.raises(RemoteError, match="refused"):
        RemoteStorage(RemoteStorageConfig("http://127.0.0.1:9", "ik_x")).save_session(session())
    with pytest.raises(RemoteAddressError, match="INSIGHT_API_KEY"):
        RemoteStorage(RemoteStorageConfig(served.url))
    with pytest.raises(RemoteError, match="refused"):
        DatabaseStorage("postgresql://u:canary@127.0.0.1:9/d").load_sessions()
    with pytest.raises(ValueError, match="only PostgreSQL"):
        DatabaseStorage("sqlite:///x")
    monkeypatch.setenv("INSIGHT_API_KEY", served.key)
    assert RemoteStorage(RemoteStorageConfig(served.url)).load_sessions() == []


def test_no_secret_is_in_a_repr():
    """A repr ends in logs and tracebacks."""
    shown = repr(RemoteStorage(RemoteStorageConfig("http://h", "ik_canary")))
    shown += repr(DatabaseStorage("postgresql://u:canary@h/d"))
    assert "canary" not in shown


def test_a_client_of_http_alone_needs_no_more_than_the_two_requests(served):
    """Written with `requests`, and `dict()` and `TestSession(**data)` of the models."""

    class Backend(ABC):
        @abstractmethod
        def save_session(self, session): ...

        @abstractmethod
        def load_sessions(self): ...

    class OwnRemoteStorage(Backend):
        def __init__(self, config):
            self.config = config
            self.headers = {"Authorization": f"Bearer {config.api_key}", "Content-Type": "application/json"}

        def save_session(self, session):
            response = requests.post(f"{self.config.url}/api/v1/sessions", headers=self.headers, json=session.dict())  # noqa: S113
            response.raise_for_status()

        def load_sessions(self):
            response = requests.get(f"{self.config.url}/api/v1/sessions", headers=self.headers)  # noqa: S113
            response.raise_for_status()
            return [TestSession(**data) for data in response.json()]

    config = RemoteStorageConfig(url=served.url, api_key=served.key, team_id=None)
    own, ours = OwnRemoteStorage(config), RemoteStorage(config)
    own.save_session(session(0, exit_status=0, vcs={"commit": "a" * 40}))
    ours.save_session(session(1))
    assert [one.to_dict() for one in own.load_sessions()[::-1]] == [one.to_dict() for one in ours.load_sessions()]
    assert own.load_sessions()[0].test_results[1].outcome == "failed"


def test_the_modules_are_imported_without_the_extras():
    """A missing library is an error when a storage is made, and it names the library."""
    code = (
        "import sys\n"
        "for name in ('urllib3', 'sqlalchemy', 'psycopg', 'alembic', 'fastapi'): sys.modules[name] = None\n"
        "from pytest_insight.core.storage import RemoteStorage, RemoteStorageConfig, DatabaseStorage, StorageBackend\n"
        "from pytest_insight.api import *\n"
        "for make in (lambda: RemoteStorage(RemoteStorageConfig('http://h', 'ik_x')), lambda: DatabaseStorage('x')):\n"
        "    try: make()\n"
        "    except ImportError as error: print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "pytest-insight[remote]" in out
    assert "pytest-insight[server]" in out
