"""Files of the earlier plugin: read for what they say, imported once, converted without loss; hostile ones refused."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.models import TestOutcome
from pytest_insight.core.storage import InMemoryStorage, JSONStorage
from pytest_insight.eventlog.documents.convert import convert_in_place
from pytest_insight.eventlog.documents.fields import DocumentError, parse_json, session_documents
from pytest_insight.eventlog.documents.sessions import convert_session
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.maintenance.verify import verify_log

LEGACY = Path(__file__).parent.parent / "data" / "legacy"
SAMPLES = ["demo_export.json", "demo_profile.json", "mini_profile.json", "xdist_n2_three_sessions.json"]
RESULT = {"nodeid": "t.py::a", "outcome": "passed", "start_time": "2026-11-01T10:00:00+00:00", "duration": 0.5}
SESSION = {
    "sut_name": "s",
    "session_id": "x",
    "session_start_time": "2026-11-01T10:00:00+00:00",
    "session_duration": 1.0,
    "test_results": [RESULT],
}


def sessions_of(name: str) -> list[dict]:
    """The sessions of a sample, parsed by the standard library."""
    data = json.loads((LEGACY / name).read_text())
    return data["sessions"] if isinstance(data, dict) else data


def imported(tmp_path, *sessions) -> JSONStorage:
    """A storage with these documents."""
    path = tmp_path / "old.json"
    path.write_text(json.dumps(list(sessions)))
    storage = JSONStorage(tmp_path / "log.jsonl")
    stats = storage.import_sessions(path)
    assert stats["errors"] == 0, stats.reasons
    return storage


@pytest.mark.parametrize("name", SAMPLES)
def test_old_files_have_the_counts_of_their_origin(tmp_path, name):
    """Every session, every outcome as often as its origin lists it; importing again changes nothing."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    origin = sessions_of(name)
    assert storage.import_sessions(LEGACY / name)["added"] == len(origin)
    for old in origin:
        new = storage.get_session_by_id(old["session_id"])
        counts = {outcome: n for outcome, n in new.counts.items() if outcome != "warnings"}
        assert counts == Counter(result["outcome"] for result in old["test_results"])
        assert new.counts.get("warnings", 0) == sum(result["has_warning"] for result in old["test_results"])
        assert {r.nodeid for r in new.test_results} == {r["nodeid"] for r in old["test_results"]}
        texts = "".join(result["capstdout"] + result["longreprtext"] for result in old["test_results"])
        assert sum(len(r.capstdout) + len(r.longreprtext) for r in new.test_results) >= len(texts)
        reruns = {g["nodeid"] for g in old["rerun_test_groups"] if any(t["outcome"] == "rerun" for t in g["tests"])}
        assert {group.nodeid for group in new.rerun_test_groups} == reruns, "an error in teardown is no rerun"
    size = (tmp_path / "log.jsonl").stat().st_size
    for again in (name, "demo_export.json" if name == "demo_profile.json" else name):
        assert storage.import_sessions(LEGACY / again)["imported"] == 0
    assert (tmp_path / "log.jsonl").stat().st_size == size
    assert verify_log(tmp_path / "log.jsonl").problems == []


def test_results_come_in_order_of_their_start(tmp_path):
    """Old files are sorted by outcome; a history is told in order of time."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.import_sessions(LEGACY / "demo_export.json")
    for session in storage.load_sessions():
        starts = [result.start_time for result in session.test_results]
        assert starts == sorted(starts)
        final = {g.nodeid.rpartition("_")[2]: g.final_outcome for g in session.rerun_test_groups}
        assert final == {"pass": TestOutcome.PASSED, "fail": TestOutcome.FAILED}


def test_the_same_session_is_the_same_events_whatever_its_file_looks_like():
    """Order of keys and of results, outcomes in capitals, groups that repeat attempts: one stream."""
    old = sessions_of("demo_export.json")[0]
    stream = convert_session(old).stream
    turned = dict(reversed(old.items())) | {"test_results": list(reversed(old["test_results"]))}
    shouted = old | {"test_results": [r | {"outcome": r["outcome"].upper()} for r in old["test_results"]]}
    for other in (turned, shouted, old | {"rerun_test_groups": []}, json.loads(json.dumps(old))):
        assert convert_session(other).stream == stream
    assert convert_session(old | {"sut_name": "else"}).stream != stream
    changed = [dict(r) for r in old["test_results"]]
    changed[0]["capstdout"] += "!"
    assert convert_session(old | {"test_results": changed}).stream != stream


def test_naive_times_are_local_time(tmp_path, monkeypatch):
    """A time without an offset is taken in the time zone of the machine that reads it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        session = SESSION | {"session_start_time": "2026-11-01T10:00:00", "test_results": []}
        (loaded,) = imported(tmp_path, session).load_sessions()
        assert loaded.session_start_time.isoformat() == "2026-11-01T01:00:00+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"session_tags": None}, lambda s: s.session_tags == {}),
        ({"session_tags": {"a": 1, "b": ["x"]}}, lambda s: s.session_tags == {"a": "1", "b": '["x"]'}),
        ({"testing_system": {"plugins": [""]}}, lambda s: s.testing_system == {"plugins": '[""]'}),
        ({"sut_name": None}, lambda s: s.sut_name == "unknown-sut"),
        ({"session_duration": float("nan")}, lambda s: s.session_duration == 0.5),
        ({"session_duration": None, "session_stop_time": "2026-11-01T10:00:09Z"}, lambda s: s.session_duration == 9),
        ({"session_start_time": None}, lambda s: s.session_start_time.isoformat() == "2026-11-01T10:00:00+00:00"),
        ({"test_results": [RESULT | {"outcome": "PASSED"}]}, lambda s: s.outcome_counts == {"passed": 1}),
        ({"test_results": [RESULT | {"outcome": None}]}, lambda s: s.outcome_counts == {"skipped": 1}),
        ({"test_results": [RESULT, RESULT]}, lambda s: len(s.test_results) == 1),
        (
            {"test_results": [RESULT | {"duration": float("nan"), "stop_time": "2026-11-01T10:00:02Z"}]},
            lambda s: s.test_results[0].duration == 2,
        ),
        (
            {"test_results": [RESULT | {"duration": -1, "stop_time": RESULT["start_time"]}]},
            lambda s: s.test_results[0].duration == 0,
        ),
        ({"test_results": None}, lambda s: s.test_results == [] and s.exit_status == 5),
        (
            {"output_fields": {"errors": {"name": "errors", "content": "E"}}},
            lambda s: s.output_fields.errors.content == "E",
        ),
        ({"output_fields": {"errors": "E" * 200_000}}, lambda s: len(s.output_fields.errors.content) == 200_000),
        (
            {"rerun_test_groups": [{"nodeid": "t.py::b", "tests": [RESULT | {"nodeid": "t.py::b"}]}]},
            lambda s: len(s.test_results) == 2,
        ),
        ({"test_results": [RESULT | {"capstdout": "\ud800 lone"}]}, lambda s: "lone" in s.test_results[0].capstdout),
        ({"unknown": {"deep": [1]}}, lambda s: s.session_id == "x"),
    ],
)
def test_what_old_files_are_like(tmp_path, change, check):
    """Missing, strange and repeated values are read for what they say."""
    (session,) = imported(tmp_path, SESSION | change).load_sessions()
    assert check(session)


def test_a_session_without_an_id_gets_one_of_its_content(tmp_path):
    """The same content gets the same id, so that it is known again."""
    nameless = {key: value for key, value in SESSION.items() if key != "session_id"}
    storage = imported(tmp_path, nameless, nameless, nameless | {"sut_name": "t"})
    names = [session.session_id for session in storage.load_sessions()]
    assert names[0].startswith("imported-")


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (17, "$"),
        ([], "$"),
        ({}, "$.session_start_time"),
        (SESSION | {"session_start_time": "yesterday"}, "$.session_start_time"),
        (SESSION | {"session_start_time": "0001-01-01T00:00:00+23:00"}, "$.session_start_time"),
        (SESSION | {"test_results": {}}, "$.test_results"),
        (SESSION | {"test_results": [None]}, "$.test_results[0]"),
        (SESSION | {"test_results": [RESULT, RESULT | {"nodeid": 3}]}, "$.test_results[1].nodeid"),
        (SESSION | {"test_results": [RESULT | {"outcome": "maybe"}]}, "$.test_results[0].outcome"),
        (SESSION | {"test_results": [RESULT | {"duration": None}]}, "$.test_results[0].duration"),
        (SESSION | {"rerun_test_groups": [{"tests": [{}]}]}, "$.rerun_test_groups[0].tests[0].nodeid"),
        (SESSION | {"session_tags": []}, "$.session_tags"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document, place):
    """An error says what and where in the document, as a JSON path."""
    with pytest.raises(DocumentError) as caught:
        convert_session(document)
    assert str(caught.value).endswith(f"@ {place}")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[1" + b"0" * 5000 + b"]",
        b"\xff\xfe[\x00]\x00",
        b"",
        b"nonsense",
        b"[1,]",
        b"{} {}",
    ],
    ids=["deep", "deep objects", "long number", "utf-16", "empty", "text", "comma", "two"],
)
def test_hostile_json_is_refused(data):
    """A reason, never a crash of the reader."""
    try:
        documents = session_documents(parse_json(data))
    except DocumentError:
        return
    assert all(not isinstance(one, dict) for one in documents), "a list of numbers is a list of bad entries"


@settings(max_examples=examples(200))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([*SESSION, *RESULT, "rerun_test_groups", "tests", "status", "running"]),
                inner,
                max_size=8,
            )
        ),
        max_leaves=30,
    )
)
def test_any_document_is_a_session_or_a_reason(document):
    """Whatever JSON there is: lines that verify, or a DocumentError."""
    try:
        session = convert_session(document)
    except DocumentError:
        return
    assert session.stream == convert_session(document).stream


# ------------------------------------------------------------------ in the place of a log


def test_an_old_document_is_read_and_converted_on_the_first_write(tmp_path):
    """Reading changes nothing; the first write makes it a log and keeps the original, byte for byte."""
    path = tmp_path / "mini.json"
    original = (LEGACY / "mini_profile.json").read_bytes()
    path.write_bytes(original)
    storage = JSONStorage(path)
    assert [s.session_id for s in storage.load_sessions()] == ["svc-20261121-013944-07f2fb4d"]
    assert path.read_bytes() == original
    assert len(storage.load_sessions()[0].test_results) == 7
    storage.save_session(storage.load_sessions()[0])
    assert (tmp_path / "mini.json.bak").read_bytes() == original
    assert verify_log(path).problems == []
    assert [s.session_id for s in storage.load_sessions()] == ["svc-20261121-013944-07f2fb4d"]
    assert len(storage.load_sessions()[0].test_results) == 7


def test_pytest_records_into_a_profile_with_an_old_document(tmp_path, private_home):
    """The plugin converts it too: old and new sessions are in one log."""
    (tmp_path / "test_x.py").write_text("def test_x(): pass\n")
    home = private_home / "insight"
    home.mkdir()
    (home / "mini.json").write_bytes((LEGACY / "mini_profile.json").read_bytes())
    (home / "profiles.json").write_text(json.dumps({"profiles": {"mini": {"file_path": str(home / "mini.json")}}}))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--insight", "--insight-profile=mini"]
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    result = warm.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stdout
    assert "nothing was recorded" not in result.stdout
    assert len(JSONStorage(profile_name="mini").load_sessions()) == 2
    assert (home / "mini.json.bak").exists()


def test_a_document_with_a_bad_session_is_left_as_it_is(tmp_path):
    """Nothing is converted in part: the error names the session and the way out."""
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"sessions": [SESSION, {"session_id": "bad"}]}))
    before = path.read_bytes()
    with pytest.raises(LogUnavailableError, match=r"sessions\[1\].*insight import"):
        convert_in_place(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.json"]


def test_other_json_in_the_place_of_a_log_is_refused(tmp_path):
    """A settings file that is named by mistake is neither read as sessions nor written to."""
    path = tmp_path / "package.json"
    path.write_text('{"name": "x"}')
    storage = JSONStorage(path)
    with pytest.raises(LogUnavailableError, match=r"package\.json"):
        storage.load_sessions()
    with pytest.raises(LogUnavailableError, match=r"package\.json"):
        storage.save_session(_session())
    assert path.read_text() == '{"name": "x"}'


def _session():
    from pytest_insight.core.models import TestSession

    return TestSession.from_dict(SESSION)


KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_insight.eventlog.documents.convert import convert_in_place
from pytest_insight.eventlog.files.system import System
left = int(sys.argv[2])
class Dying(System):
    def __getattribute__(self, name):
        global left
        if name in ("write", "fsync", "rename", "link", "sync_dir", "open_append", "close", "lock"):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return object.__getattribute__(self, name)
convert_in_place(Path(sys.argv[1]), Dying())
"""


def test_killed_in_the_middle_of_a_conversion(tmp_path):
    """At every system call: the sessions are there, and the original is."""
    original = (LEGACY / "xdist_n2_three_sessions.json").read_bytes()
    for calls in range(60):
        folder = tmp_path / str(calls)
        folder.mkdir()
        path = folder / "p.json"
        path.write_bytes(original)
        process = subprocess.run([sys.executable, "-c", KILLED, str(path), str(calls)])
        assert original in [file.read_bytes() for file in folder.iterdir()]
        storage = JSONStorage(path)
        assert len(storage.load_sessions()) == 3
        storage.save_session(_session())
        assert len(storage.load_sessions()) == 4
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert calls > 5


# ------------------------------------------------------------------ compressed


def test_compressed_documents_and_archives_are_imported(tmp_path):
    """A .json.gz, and a .zip with documents and logs; an archive in an archive is named as an error, not opened."""
    document = (LEGACY / "mini_profile.json").read_bytes()
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(document))
    storage = InMemoryStorage()
    assert storage.import_sessions(tmp_path / "a.json.gz")["added"] == 1
    other = InMemoryStorage()
    other.import_sessions(LEGACY / "demo_export.json")
    other.export_sessions(tmp_path / "demo.jsonl")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("../mini.json", document)
        archive.writestr("logs/demo.jsonl", (tmp_path / "demo.jsonl").read_bytes())
        archive.writestr("inner.zip", b"PK")
        archive.writestr("readme.txt", b"hello")
    stats = storage.import_sessions(tmp_path / "all.zip")
    assert (stats["added"], stats["skipped"], stats["errors"]) == (2, 1, 1)
    assert "inner.zip" in stats.reasons[0]
    assert not (tmp_path.parent / "mini.json").exists()


def test_a_backup_of_the_earlier_plugin_is_imported(tmp_path):
    """The name does not matter: .bak, or none at all."""
    for name in ("default.json.bak", "sessions"):
        (tmp_path / name).write_bytes((LEGACY / "mini_profile.json").read_bytes())
        assert InMemoryStorage().import_sessions(tmp_path / name)["added"] == 1
