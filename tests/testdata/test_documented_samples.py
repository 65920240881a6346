"""T1: every sample of the document on test data, as it stands and in order, in one Python session.

Import paths are ours, and the path that a reader would replace lies in the private folder of the test.
"""

import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_insight.testdata import DataConflictError, DataMigrationHandler

DOCUMENT = Path(__file__).with_name("documented.md").read_text()
SAMPLES = re.findall(r"^## ([^\n]*)\n\n```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
PATHS = {
    "base.utilities.test_data_manager": "pytest_insight.testdata",
    "base.database.database_test_data_generator": "pytest_insight.testdata.generation",
}


class Reader:
    """Somebody who types in what the document shows, and looks at what came of it."""

    def __init__(self, place):
        self.place = place
        self.names = {"Any": Any, "datetime": datetime, "logger": logging.getLogger("reader")}
        self.followed = set()

    def read(self, heading, number=0, **names):
        """Run a sample after those before it."""
        found = [code for name, code in SAMPLES if name == heading]
        code = found[number].replace("/custom/test/data/path", str(self.place / "custom"))
        for theirs, ours in PATHS.items():
            code = code.replace(theirs, ours)
        self.names.update(names)
        self.followed.add(found[number])
        exec(compile(code, f"<{heading}>", "exec"), self.names)  # noqa: S102 - samples are there to be run
        return self

    def __getitem__(self, name):
        return self.names[name]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path)


def follow_the_features(reader, capsys):
    """Key features: lifecycle, isolation, versions, snapshots, templates, realistic data, locks."""
    reader.read("Test Data Lifecycle Management")
    assert reader["user_data"] == {"username": "testuser", "email": "test@example.com"}
    assert reader["cleanup_results"] == {reader["resource_id"]: True}
    assert capsys.readouterr().out == "Cleaning up user data\n"
    manager = reader["data_manager"]
    assert manager.store.path == reader.place / "test_data" / "events.jsonl"
    reader.read("Data Isolation for Parallel Execution")
    assert reader["namespace"] == "worker_1"
    assert manager.list_test_data() == []
    with pytest.raises(ValueError, match="no handlers lead"):
        reader.read("Data Versioning and Migration")
    assert reader["version"] == "1.0.0"
    manager.create_test_data("user", {"n": 1}, "test_suite_1", resource_id="kept")
    reader.read("Data Snapshots and Restore")
    assert reader["success"] is True
    assert manager.get_test_data("kept", "restored_environment") == {"n": 1}
    reader.read("Template-Based Data Generation")
    assert [user["email"] for user in reader["user_data"]] == ["john.doe@company.com"] * 5
    reader.read("Realistic Data Generation")
    assert (len(reader["realistic_users"]), len(reader["orders"]), reader["is_valid"]) == (10, 30, True)
    reader.read("Data Locking and Conflict Detection")
    assert reader["lock_acquired"] is True
    assert manager.isolation_manager.locks() == []


def follow_configuration_and_advanced_features(reader, capsys):
    """Settings, caches, handlers, callbacks, health."""
    reader.read("Basic Configuration")
    assert (reader.place / "custom" / "events.jsonl").exists()
    assert reader["data_manager"].cleanup_registry.max_retries == 5
    assert all(reader["health_results"].values())
    reader.read("Cache Configuration")
    assert 0 <= reader["metrics"]["hit_rate"] <= 1
    versions = reader["data_manager"].version_manager
    versions.create_version("user_123", {"name": "John"}, "1.0.0")
    reader.read("Custom Migration Handlers")
    assert versions.migrate_to_version("user_123", "2.0.0")["preferences"] == {"theme": "light", "notifications": True}
    assert versions.get_version("user_123", "1.0.0") == {"name": "John"}
    key = reader["data_manager"].create_test_data("user", {})
    capsys.readouterr()
    reader.read("Custom Cleanup Callbacks", resource_id=key)
    assert reader["data_manager"].cleanup_test_data() == {key: True}
    assert capsys.readouterr().out == "Performing custom cleanup operations\n"
    reader.read("Health Monitoring")
    assert reader["cleanup_report"]["total_resources"] == 0
    assert reader["status_report"]["version_manager"] == {"enabled": True}


def follow_the_practices(reader, caplog):
    """Namespaces, cleanup, templates, health, evolution."""
    manager = reader["data_manager"]
    reader.read("1. Use Namespaces for Isolation", user_data={"id": 7}, test_id=3)
    assert manager.cleanup_registry.get_cleanup_report()["namespaces"] == {"test_suite_3": 1}
    deleted = []
    database = type("Database", (), {"delete_user": lambda _, user_id: deleted.append(user_id)})()
    reader.read("2. Implement Proper Cleanup", db=database)
    assert manager.cleanup_test_data(reader["resource_id"]) == {reader["resource_id"]: True}
    assert deleted == [7]
    reader.read("3. Use Templates for Consistency")
    assert len(reader["test_users"]) == 10
    assert all("$" not in user["email"] for user in reader["test_users"])
    manager.cleanup_registry._max_retries = 1
    stuck = manager.create_test_data("user", {}, cleanup_callback=lambda: 1 / 0)
    manager.cleanup_test_data(stuck)
    reader.read("4. Monitor Data Health")
    reader["periodic_health_check"]()
    assert f"Failed cleanups detected: ['{stuck}']" in caplog.text
    assert "'cleanup_registry': False" in caplog.text
    reader.read("5. Use Versioning for Data Evolution")
    assert manager.version_manager.get_current_version("user_profile") == reader["version_2"] == "2.0.0"


def follow_the_integrations(reader):
    """behave steps and a helper for databases."""
    reader.names["given"] = reader.names["then"] = lambda _: lambda function: function
    reader.read("With Behave Steps")
    scenario = type("Scenario", (), {"name": "Sign Up"})()
    context = type("Context", (), {"scenario": scenario})()
    reader["step_create_test_user"](context, "signup")
    manager = reader["get_test_data_manager"]()
    assert manager.get_test_data(context.user_id, "sign_up")["email"] == "test_signup@example.com"
    reader["step_cleanup_test_data"](context)
    assert manager.list_test_data("sign_up") == []
    reader.read("With Database Tests")
    rows = {}
    helper = reader["DatabaseTestHelper"]()
    helper.insert_user_to_db = lambda user: rows.setdefault(user["id"], user)["id"]
    helper.delete_user_from_db = rows.pop
    helper.setup_test_data("test_x")
    assert len(rows) == 5
    assert set(helper.cleanup_test_data("test_x").values()) == {True}
    assert rows == {}


class Broken(DataMigrationHandler):
    def can_handle(self, from_version, to_version):
        return True

    def migrate(self, data, from_version, to_version):
        return data["missing"]


def follow_performance_and_troubleshooting(reader, caplog):
    """Caches, reports, large data, failed cleanups, conflicts, failed migrations."""
    manager = reader["data_manager"]
    reader.read("1. Cache Optimization")
    assert "Low cache hit rate" in caplog.text
    stuck = manager.create_test_data("user", {}, "large_test_suite", cleanup_callback=lambda: 1 / 0)
    manager.cleanup_registry.max_retries = 3
    reader.read("2. Cleanup Optimization")
    assert reader["high_retry_resources"] == [stuck]
    manager.create_test_data("row", 1, "big", resource_id="row")
    reader.read("3. Memory Management", test_data=range(1001), test_namespace="big")
    assert manager.get_test_data("row", "big") == 1
    by_hand = []
    reader.read("1. Cleanup Failures", manual_cleanup_resource=by_hand.append)
    assert stuck in by_hand
    assert manager.cleanup_registry.get_cleanup_report()["failed_cleanups"] == []
    with pytest.raises(DataConflictError):
        manager.create_test_data("row", 2, "big", resource_id="row")
    resolve = manager.isolation_manager.resolve_conflict
    reader.read("2. Data Conflicts", resolve_data_conflict=lambda conflict: resolve(conflict["conflict_id"], "take"))
    assert manager.get_test_data("row", "big") == 2
    assert manager.isolation_manager.get_conflicts() == []
    manager.version_manager.create_version("problematic_resource", {"n": 1}, "1.0.0")
    manager.version_manager.register_migration_handler(Broken())
    reader.read("3. Version Migration Issues")
    assert "Migration failed: migration of 'problematic_resource'" in caplog.text
    assert reader["fallback_data"] == {"n": 1}


@pytest.mark.filterwarnings("ignore:.* the last, does:UserWarning")
def test_the_document_is_followed_from_top_to_bottom(reader, capsys, caplog):
    """Each sample runs, none is left out, and each does what the document says it does."""
    follow_the_features(reader, capsys)
    follow_configuration_and_advanced_features(reader, capsys)
    follow_the_practices(reader, caplog)
    follow_the_integrations(reader)
    follow_performance_and_troubleshooting(reader, caplog)
    assert {code for _, code in SAMPLES} == reader.followed
