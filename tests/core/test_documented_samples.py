"""The two documents on storage and on file exchange, followed line by line, in order: each sample runs as it stands.

Paths that a reader would replace (`/path/to`, `/tmp`) lie in the private folder of the test.
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import warm
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.storage import JSONStorage, get_storage_instance, load_sessions
from pytest_insight.eventlog.maintenance.verify import verify_log

INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]


def make_session(name: str, sut: str = "my-service", days: float = 1, outcome: str = "failed") -> TestSession:
    """A session of some days ago with two results."""
    start = datetime.now(UTC) - timedelta(days=days)
    results = [
        TestResult("test_api_x.py::test_get", "passed", start, duration=0.1),
        TestResult("test_api_x.py::test_put", outcome, start, duration=0.2),
    ]
    return TestSession(sut, session_id=name, session_start_time=start, session_duration=1.0, test_results=results)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to work in, with the folders that the documents name."""
    monkeypatch.chdir(tmp_path)
    for folder in ("path/to", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


class Reader:
    """Somebody who types in what the documents show, into one Python session and one shell."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.names: dict = {}
        self.environ: dict[str, str] = {}

    def python(self, code: str, **names) -> str:
        """Run a sample after those before it, and return what it printed."""
        code = re.sub(r'"/(path/to|tmp)/', rf'"{self.place}/\1/', code)
        self.names.update(names)
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(code, "<sample>", "exec"), self.names)  # noqa: S102 - samples are there to be run
        return out.getvalue()

    def shell(self, line: str, *, code: int = 0, **options) -> str:
        """Run a command line, and return its output."""
        words = shlex.split(line, comments=True)
        command = [*INSIGHT, *words[1:]] if words[0] == "insight" else [sys.executable, "-m", *words]
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
        result = warm.run(command, capture_output=True, text=True, env=env | self.environ, timeout=300, **options)
        assert result.returncode == code, f"{line}\n{result.stdout}{result.stderr}"
        return result.stdout + result.stderr


def test_the_storage_document(place, private_home):
    """Profiles in Python and on the command line, merging, exchange, operations, the query API."""
    me = Reader(place)
    me.python("""
from pytest_insight.core.storage import create_profile, switch_profile, list_profiles, get_active_profile

# Create profiles for different purposes
create_profile("production", "json", "/path/to/production/data.json")
create_profile("demo", "json", "/path/to/demo/data.json")
create_profile("tutorial", "memory")  # In-memory storage for tutorials

# Switch to a specific profile
switch_profile("demo")

# List all available profiles
profiles = list_profiles()

# Get the currently active profile
active_profile = get_active_profile()
""")
    assert set(me.names["profiles"]) == {"default", "production", "demo", "tutorial"}
    assert me.names["active_profile"].name == "demo"
    follow_the_command_line(me)
    follow_automatic_creation(me, private_home)
    me.python("""
from pytest_insight.core.storage import get_storage_instance

# Get storage using the active profile
storage = get_storage_instance()

# Get storage using a specific profile
storage = get_storage_instance(profile_name="demo")
""")
    assert me.names["storage"].file_path == place / "path/to/demo/data.json"
    follow_merging(me)
    follow_exchange(me)
    follow_operations(me)
    me.python("""
from pytest_insight.core.storage import (
    create_profile,
    switch_profile,
    list_profiles,
    get_active_profile,
    ProfileManager
)

# Create a profile
profile = create_profile("name", "json", "/path/to/file_path")

# Switch profiles
active = switch_profile("name")

# List all profiles
profiles = list_profiles()

# Get active profile
active = get_active_profile()

# Advanced: Direct ProfileManager usage
manager = ProfileManager()
manager._create_profile("custom", "json", "/path/to/file.json")
""")
    assert me.names["active"].name == "name"
    assert "custom" in me.names["profiles"] or "custom" in me.names["manager"].profiles
    me.python('manager._create_profile("old-profile")\nmanager.delete_profile("old-profile")')
    get_storage_instance("my_profile").save_sessions([make_session("q1", sut="service"), make_session("q2", days=30)])
    me.python("""
from pytest_insight.core.core_api import InsightAPI, query

# Initialize API with a specific profile
api = InsightAPI(profile_name="my_profile")

# Query using the profile's storage
results = api.query().with_sut("service").in_last_days(7).execute()
first = results

# Standalone query function (uses active or specified profile)
results = query(profile_name="my_profile").with_outcome("failed").execute()
""")
    assert [session.session_id for session in me.names["first"]] == ["q1"]
    assert sorted(session.session_id for session in me.names["results"]) == ["q1", "q2"]


def follow_the_command_line(me: Reader) -> None:
    """All commands of the section on profiles, as they are printed there."""
    assert "demo" in me.shell("insight profile list")
    assert "production" in me.shell("insight profile list --type json")
    me.shell("insight profile list --type memory")
    me.shell('insight profile list --pattern "test-*"')
    assert "production" in me.shell('insight profile list --type json --pattern "prod*"')
    me.shell("insight profile create my-profile --type json")
    me.shell("insight profile switch my-profile")
    assert re.search(r"\* +my-profile", me.shell("insight profile list"))
    for name in ("old-profile", "test-1", "temp-1", "temp-2"):
        me.shell(f"insight profile create {name}")
    assert "--force" in me.shell("insight profile delete old-profile", code=1, stdin=subprocess.DEVNULL)
    assert "its log stays" in me.shell("insight profile delete old-profile --force")
    me.shell("insight profile clean  # Deletes all memory profiles by default")
    me.shell('insight profile clean --pattern "test-*"  # Deletes memory profiles matching pattern')
    assert "--force" in me.shell(
        'insight profile clean --type json --pattern "temp-*"', code=1, stdin=subprocess.DEVNULL
    )
    me.shell('insight profile clean --pattern "test-*" --dry-run')
    me.shell('insight profile clean --pattern "test-*" --force')
    assert "test-1" in me.shell("insight profile list"), "clean is about memory profiles unless told otherwise"
    me.shell('insight profile clean --type json --pattern "temp-*" --force')
    assert "temp-" not in me.shell("insight profile list")


def follow_automatic_creation(me: Reader, private_home: Path) -> None:
    """A run into a profile that nobody created, by option and by environment."""
    (me.place / "test_it.py").write_text("def test_it(): pass\n")
    me.shell("pytest --insight --insight-profile=new-profile")
    assert "new-profile" in me.shell("insight profile list")
    assert len(load_sessions("new-profile")) == 1
    assert (private_home / "insight" / "new-profile.jsonl").exists()
    me.environ["PYTEST_INSIGHT_PROFILE"] = "from-env"
    me.shell("pytest --insight")
    assert re.search(r"\* +from-env", me.shell("insight profile list"))
    assert '"session_id"' in me.shell("insight session list --json")
    del me.environ["PYTEST_INSIGHT_PROFILE"]


def follow_merging(me: Reader) -> None:
    """Every merge command of the document, and its programmatic sample."""
    get_storage_instance("profile1").save_sessions([make_session("same", sut="one"), make_session("only-1")])
    get_storage_instance("profile2").save_sessions([make_session("same", sut="two"), make_session("only-2")])
    for name in ("combined-profile", "target"):
        me.shell(f"insight profile create {name}")
    assert "would be added" in me.shell("insight profile merge profile1,profile2 target --dry-run")
    assert load_sessions("target") == {}
    me.shell("insight profile merge profile1,profile2 combined-profile")
    assert {name: s.sut_name for name, s in load_sessions("combined-profile").items()} == {
        "same": "one",
        "only-1": "my-service",
        "only-2": "my-service",
    }
    assert "does not exist" in me.shell("insight profile merge profile1,profile2 nowhere", code=1)
    me.shell("insight profile merge profile1,profile2 merged-new --create --type json")
    me.shell("insight profile merge profile1,profile2 target --strategy replace_existing")
    assert load_sessions("target")["same"].sut_name == "two"
    me.shell("insight profile merge profile1,profile2 both --create --strategy keep_both")
    both = sorted(load_sessions("both"))
    assert [re.sub("~.*", "~", name) for name in both] == ["only-1", "only-2", "same", "same~"]
    me.shell("insight profile merge profile1,profile2 both --strategy keep_both")
    assert sorted(load_sessions("both")) == both, "doing it again changes nothing"
    me.shell('insight profile merge profile1,profile2 filtered --create --filter "test_api_*"')
    assert len(load_sessions("filtered")) == 3
    me.shell('insight profile merge profile1,profile2 named --create --filter "only-*" --strategy replace_existing')
    assert sorted(load_sessions("named")) == ["only-1", "only-2"]
    me.python("""
from pytest_insight.core.storage import load_sessions, get_profile_manager

# Load sessions from source profiles
source1_sessions = load_sessions("profile1")
source2_sessions = load_sessions("profile2")

# Get the profile manager
profile_manager = get_profile_manager()

# Merge sessions into target profile
for session_id, session in source1_sessions.items():
    profile_manager.save_session("target2", session, session_id)

for session_id, session in source2_sessions.items():
    profile_manager.save_session("target2", session, session_id)
""")
    assert {name: s.sut_name for name, s in load_sessions("target2").items()}["same"] == "two"


def follow_exchange(me: Reader) -> None:
    """Export and import, and between profiles."""
    storage = get_storage_instance("production")
    storage.save_sessions([make_session("p1"), make_session("p2", sut="other")])
    me.python(
        """
# Export all sessions to a file
storage.export_sessions("/path/to/export.json")

# Export with filtering
storage.export_sessions(
    "/path/to/export.json",
    filter_func=lambda session: session.sut_name == "my-service"
)

# Export in CSV format
storage.export_sessions("/path/to/export.csv", output_format="csv")
""",
        storage=storage,
    )
    exported = json.loads((me.place / "path/to/export.json").read_text())
    assert [item["session_id"] for item in exported] == ["p1"]
    assert len((me.place / "path/to/export.csv").read_text().splitlines()) == 5
    (me.place / "path/to/import.json").write_text(json.dumps(exported))
    me.python("""
# Import sessions with default settings (skip existing)
storage.import_sessions("/path/to/import.json")

# Import with custom merge strategy
storage.import_sessions("/path/to/import.json", merge_strategy="replace_existing")
""")
    assert len(storage.load_sessions()) == 2
    me.python("""
# Export from production profile
switch_profile("production")
storage = get_storage_instance()
storage.export_sessions("/tmp/export.json")

# Import to demo profile
switch_profile("demo")
storage = get_storage_instance()
storage.import_sessions("/tmp/export.json")
""")
    assert sorted(load_sessions("demo")) == ["p1", "p2"]


def follow_operations(me: Reader) -> None:
    """Save, load, get and clear."""
    me.python(
        """
# Save a test session
storage.save_session(test_session)

# Load all sessions
sessions = storage.load_sessions()

# Get a session by ID
session = storage.get_session_by_id("session-123")
""",
        test_session=make_session("session-123"),
    )
    assert me.names["session"].session_id == "session-123"
    assert len(me.names["sessions"]) == 3
    me.python(
        """
# Clear specific sessions
storage.clear_sessions(sessions_to_clear=[session1, session2])
""",
        session1=me.names["sessions"][0],
        session2=me.names["sessions"][1],
    )
    assert len(me.names["storage"].load_sessions()) == 1
    me.python("# Clear all sessions\nstorage.clear_sessions()")
    assert me.names["storage"].load_sessions() == []


def test_the_file_exchange_document(place):
    """Export, import, clear, share, back up, combine, and queries that select."""
    me = Reader(place)
    get_storage_instance().save_sessions(
        [make_session("a"), make_session("b", sut="else", outcome="passed"), make_session("c", days=20)]
    )
    printed = me.python("""
from pytest_insight.core.storage import get_storage_instance

# Get the storage instance
storage = get_storage_instance()

# Export all sessions
export_path = "path/to/export.json"
count = storage.export_sessions(export_path)
print(f"Exported {count} sessions")

# Export sessions from the last 7 days
count = storage.export_sessions(export_path, days=7)
print(f"Exported {count} sessions from the last 7 days")

# Export sessions for a specific SUT
count = storage.export_sessions(export_path, sut_name="my-service")
print(f"Exported {count} sessions for my-service")

# Export sessions with combined filters
count = storage.export_sessions(export_path, days=7, sut_name="my-service")
print(f"Exported {count} sessions for my-service from the last 7 days")
""")
    assert [int(number) for number in re.findall(r"Exported (\d+)", printed)] == [3, 2, 2, 1]
    (place / "path/to/export.json").rename(place / "path/to/import.json")
    printed = me.python("""
# Import sessions from a file using default strategy (skip_existing)
import_path = "path/to/import.json"
stats = storage.import_sessions(import_path)
print(f"Imported {stats['added']} sessions, updated {stats['updated']} sessions, skipped {stats['skipped']} sessions")

# Import sessions with replace existing strategy
print(f"Imported {stats['imported']} sessions, replacing any existing ones")

# Import sessions with keep_both strategy
stats = storage.import_sessions(import_path, merge_strategy="keep_both")
print(f"Imported {stats['imported']} sessions, keeping both versions of duplicates")
""")
    assert "Imported 0 sessions, updated 0 sessions, skipped 1 sessions" in printed
    follow_clearing(me)
    follow_sharing(me, place)
    get_storage_instance().save_sessions([make_session("f1"), make_session("legacy", sut="legacy-service", days=900)])
    me.python("""
from pytest_insight.core.storage import get_storage_instance
from pytest_insight.core.query import Query

storage = get_storage_instance()
query = Query(storage)

# Find sessions with failing tests
failing_sessions = query.filter_by_test().with_outcome("failed").apply().execute()

# You can then use the SUT names from these sessions to export
sut_names = {session.sut_name for session in failing_sessions}
for sut_name in sut_names:
    storage.export_sessions(f"{sut_name}_failing.json", sut_name=sut_name)
""")
    assert {path.name for path in place.glob("*_failing.json")} == {
        "my-service_failing.json",
        "legacy-service_failing.json",
    }
    before = len(load_sessions())
    me.python("""
# Select old sessions from a specific SUT
old_sessions = query.for_sut("legacy-service").before_date("2025-01-01").execute()

# Clear only those sessions
storage.clear_sessions(old_sessions)
""")
    assert [session.session_id for session in me.names["old_sessions"]] == ["legacy"]
    assert len(load_sessions()) == before - 1


def follow_clearing(me: Reader) -> None:
    """The sample on clearing, once for all, once by a query."""
    storage = get_storage_instance()
    storage.export_sessions(me.place / "kept.jsonl")
    printed = me.python("""
from pytest_insight.core.storage import get_storage_instance
from pytest_insight.core.query import Query

# Get the storage instance
storage = get_storage_instance()

# Clear all sessions
count = storage.clear_sessions()
print(f"Cleared {count} sessions")
""")
    assert printed == "Cleared 3 sessions\n"
    storage.import_sessions(me.place / "kept.jsonl")
    printed = me.python("""
# Selectively clear sessions using Query
query = Query(storage)
sessions_to_clear = query.for_sut("my-service").in_last_days(30).execute()
count = storage.clear_sessions(sessions_to_clear)
print(f"Cleared {count} sessions for my-service from the last 30 days")
""")
    assert printed.startswith("Cleared 2 sessions")
    assert list(load_sessions()) == ["b"]


def follow_sharing(me: Reader, place: Path) -> None:
    """Between two people, from a backup, from two machines to one."""
    machine1, machine2, central = (JSONStorage(place / f"{name}.jsonl") for name in ("m1", "m2", "central"))
    machine1.save_session(make_session("one"))
    machine2.save_session(make_session("two"))
    me.python('storage.export_sessions("team_sessions.json")', storage=machine1)
    me.python('storage.import_sessions("team_sessions.json")', storage=machine2)
    assert {s.session_id for s in machine2.load_sessions()} == {"one", "two"}
    me.python('storage.export_sessions("backup_sessions.json")')
    machine2.clear_sessions()
    me.python('storage.import_sessions("backup_sessions.json")')
    assert {s.session_id for s in machine2.load_sessions()} == {"one", "two"}
    me.python('storage.export_sessions("machine1_sessions.json")', storage=machine1)
    me.python('storage.export_sessions("machine2_sessions.json")', storage=machine2)
    me.python(
        'storage.import_sessions("machine1_sessions.json")\nstorage.import_sessions("machine2_sessions.json")',
        storage=central,
    )
    assert {s.session_id for s in central.load_sessions()} == {"one", "two"}


def test_two_machines_that_exchange_end_with_the_same_bytes(place):
    """Each imports what the other exported; then a merge of both logs, on either machine, gives the same bytes."""
    one, two = JSONStorage(place / "one.jsonl"), JSONStorage(place / "two.jsonl")
    one.save_sessions([make_session("a"), make_session("b")])
    two.save_sessions([make_session("b", sut="differs"), make_session("c")])
    me = Reader(place)
    for form in ("jsonl", "json"):
        one.export_sessions(f"from-one.{form}")
        two.export_sessions(f"from-two.{form}")
        one.import_sessions(f"from-two.{form}", merge_strategy="keep_both")
        two.import_sessions(f"from-one.{form}", merge_strategy="keep_both")
        me.shell("insight merge one.jsonl two.jsonl -o here.jsonl --force")
        me.shell("insight merge two.jsonl one.jsonl -o there.jsonl --force")
        assert Path("here.jsonl").read_bytes() == Path("there.jsonl").read_bytes()
        assert verify_log("here.jsonl").problems == []
        assert {s.session_id.partition("~")[0] for s in JSONStorage("here.jsonl").load_sessions()} == {"a", "b", "c"}
        suts = sorted(s.sut_name for s in JSONStorage("here.jsonl").load_sessions())
        assert suts == ["differs", "my-service", "my-service", "my-service"]
