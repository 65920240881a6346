"""Storages: one contract that every implementation keeps, and what the one on an event log adds."""

import copy
import json
import os
import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.models import OutputFields, TestOutcome, TestResult, TestSession
from pytest_insight.core.storage import (
    BaseStorage,
    InMemoryStorage,
    JSONStorage,
    get_profile_manager,
    get_storage_instance,
    load_sessions,
)
from pytest_insight.eventlog.codec import parse_envelope
from pytest_insight.eventlog.maintenance.verify import verify_log

LEGACY = Path(__file__).parent.parent / "data" / "legacy"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
STRATEGIES = ("skip_existing", "replace_existing", "keep_both")


def make_session(session_id="s1", sut="shop", minutes=0, outcomes=("passed", "failed"), **more) -> TestSession:
    """A session with one result for each outcome."""
    start = START + timedelta(minutes=minutes)
    results = [
        TestResult(
            f"t.py::test_{n}",
            outcome,
            start + timedelta(seconds=n),
            duration=0.25,
            capstdout=f"out {n}",
            longreprtext="E   assert 0" if outcome == "failed" else "",
        )
        for n, outcome in enumerate(outcomes)
    ]
    return TestSession(
        sut, session_id=session_id, session_start_time=start, session_duration=60.0, test_results=results, **more
    )


class ListStorage(BaseStorage):
    """The least that somebody else's storage has to do."""

    def __init__(self) -> None:
        self.sessions: dict[str, TestSession] = {}

    def save_session(self, test_session):
        """Keep it by its id."""
        self.sessions[test_session.session_id] = copy.deepcopy(test_session)

    def load_sessions(self):
        """All of them, the earliest first."""
        return sorted(self.sessions.values(), key=lambda s: s.session_start_time)

    def clear_sessions(self, sessions_to_clear=None):
        """Forget them."""
        wanted = list(self.sessions) if sessions_to_clear is None else [s.session_id for s in sessions_to_clear]
        return sum(self.sessions.pop(name, None) is not None for name in wanted)


@pytest.fixture(params=["json", "memory", "other"])
def storage(request, tmp_path):
    """One of each implementation."""
    makers = {"json": lambda: JSONStorage(tmp_path / "log.jsonl"), "memory": InMemoryStorage, "other": ListStorage}
    return makers[request.param]()


def ids(storage) -> list[str]:
    """The ids of all sessions, the earliest first."""
    return [session.session_id for session in storage.load_sessions()]


class TestContract:
    """What every storage promises."""

    def test_a_saved_session_is_loaded_as_it_was(self, storage):
        """Fields, results and texts come back."""
        session = make_session(
            testing_system={"name": "ci"},
            session_tags={"team": "pay"},
            output_fields=OutputFields.from_contents({"errors": "E"}),
        )
        storage.save_session(session)
        (loaded,) = storage.load_sessions()
        assert loaded.to_dict() == session.to_dict() | {"exit_status": 1} or loaded.to_dict() == session.to_dict()
        assert loaded.test_results[1].longreprtext == "E   assert 0"
        assert loaded.test_results[0].outcome is TestOutcome.PASSED

    def test_sessions_come_in_order_of_their_start(self, storage):
        """Whatever the order they were saved in; the last is the one that started last."""
        storage.save_sessions([make_session("b", minutes=2), make_session("c", minutes=9), make_session("a")])
        assert ids(storage) == ["a", "b", "c"]
        assert storage.get_last_session().session_id == "c"

    def test_an_empty_storage_answers(self, storage):
        """Nothing saved: no sessions, no last, none by id, nothing to clear."""
        assert storage.load_sessions() == []
        assert storage.get_last_session() is None
        assert storage.get_session_by_id("x") is None
        assert storage.clear_sessions() == 0

    def test_get_by_id_is_exact(self, storage):
        """The beginning of an id is not the id."""
        storage.save_session(make_session("abc"))
        assert storage.get_session_by_id("abc").session_id == "abc"
        assert storage.get_session_by_id("ab") is None

    def test_saving_twice_changes_nothing_and_other_content_supersedes(self, storage):
        """There is one session with an id; the last content saved under it counts."""
        storage.save_session(make_session("a"))
        storage.save_session(make_session("a"))
        assert ids(storage) == ["a"]
        storage.save_session(make_session("a", sut="other"))
        assert [(s.session_id, s.sut_name) for s in storage.load_sessions()] == [("a", "other")]
        storage.save_session(make_session("a"))
        assert [(s.session_id, s.sut_name) for s in storage.load_sessions()] == [("a", "shop")]

    def test_clearing_some_all_or_none(self, storage):
        """A list clears those in it, None clears all, an empty list clears none; the count is of what was there."""
        storage.save_sessions([make_session("a"), make_session("b", minutes=1), make_session("c", minutes=2)])
        assert storage.clear_sessions([]) == 0
        assert storage.clear_sessions(sessions_to_clear=[storage.get_session_by_id("b"), make_session("zz")]) == 1
        assert ids(storage) == ["a", "c"]
        assert storage.clear_sessions() == 2
        assert ids(storage) == []
        storage.save_session(make_session("b", minutes=1))
        assert ids(storage) == ["b"], "what is saved again after clearing is there again"

    @pytest.mark.parametrize("name", ["out.json", "out.jsonl"])
    def test_export_and_import_give_the_same_sessions(self, storage, tmp_path, name):
        """To a file and into an empty storage; a second import adds nothing."""
        storage.save_sessions([make_session("a"), make_session("b", sut="pay", minutes=5)])
        assert storage.export_sessions(tmp_path / name) == 2
        other = InMemoryStorage()
        assert other.import_sessions(tmp_path / name)["added"] == 2
        assert [s.to_dict() for s in other.load_sessions()] == [
            s.to_dict() | {"exit_status": 1} for s in storage.load_sessions()
        ]
        again = storage.import_sessions(tmp_path / name)
        assert (again["total"], again["imported"], again["skipped"], again["errors"]) == (2, 0, 2, 0)

    def test_export_filters_are_combined(self, storage, tmp_path):
        """By days, SUT and a function of the session."""
        now = datetime.now(UTC)
        for number, (sut, age) in enumerate([("a", 1), ("a", 10), ("b", 1), ("b", 10)]):
            session = make_session(str(number), sut=sut)
            session.session_start_time = now - timedelta(days=age)
            storage.save_session(session)
        path = tmp_path / "x.json"

        def exported(**filters):
            count = storage.export_sessions(path, **filters)
            names = sorted(item["session_id"] for item in json.loads(path.read_text()))
            assert count == len(names)
            return names

        assert exported(days=7) == ["0", "2"]
        assert exported(sut_name="a") == ["0", "1"]
        assert exported(days=7, sut_name="a") == ["0"]
        assert exported(filter_func=lambda s: s.session_id in "13", sut_name="b") == ["3"]
        assert exported(days=0, sut_name="nobody") == []

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_import_strategies_and_their_repetition(self, storage, tmp_path, strategy):
        """Skip leaves the session here, replace takes the other, both keeps both; doing it again changes nothing."""
        other = InMemoryStorage([make_session("a", sut="theirs"), make_session("n", minutes=3)])
        other.export_sessions(tmp_path / "x.jsonl")
        storage.save_session(make_session("a", sut="ours"))
        stats = storage.import_sessions(tmp_path / "x.jsonl", merge_strategy=strategy)
        counts = {"skip_existing": (1, 0, 1), "replace_existing": (1, 1, 0), "keep_both": (2, 0, 0)}[strategy]
        assert (stats["added"], stats["updated"], stats["skipped"]) == counts
        assert stats["imported"] == stats["added"] + stats["updated"]
        assert stats["total"] == 2
        here = {
            s.session_id.partition("~")[0] + "~" * ("~" in s.session_id): s.sut_name for s in storage.load_sessions()
        }
        assert (
            here
            == {
                "skip_existing": {"a": "ours", "n": "shop"},
                "replace_existing": {"a": "theirs", "n": "shop"},
                "keep_both": {"a": "ours", "a~": "theirs", "n": "shop"},
            }[strategy]
        )
        before = ids(storage)
        again = storage.import_sessions(tmp_path / "x.jsonl", merge_strategy=strategy)
        assert (again["imported"], again["skipped"], ids(storage)) == (0, 2, before)

    def test_bad_arguments_change_nothing(self, storage, tmp_path):
        """Unknown strategy or format, a missing or unreadable file, negative days: an error, and all as it was."""
        storage.save_session(make_session("a"))
        good = tmp_path / "good.json"
        storage.export_sessions(good)
        with pytest.raises(ValueError, match="strategy"):
            storage.import_sessions(good, merge_strategy="merge_harder")
        with pytest.raises(FileNotFoundError):
            storage.import_sessions(tmp_path / "none.json")
        (tmp_path / "bad.json").write_text("{nonsense")
        (tmp_path / "empty.json").write_text("")
        for name in ("bad.json", "empty.json"):
            with pytest.raises(ValueError, match=name):
                storage.import_sessions(tmp_path / name)
        before = good.read_bytes()
        with pytest.raises(ValueError, match="format"):
            storage.export_sessions(good, output_format="xml")
        with pytest.raises(ValueError, match="days"):
            storage.export_sessions(good, days=-1)
        with pytest.raises(OSError, match="none"):
            storage.export_sessions(tmp_path / "none" / "x.json")
        assert good.read_bytes() == before
        assert ids(storage) == ["a"]

    def test_bad_entries_are_counted_and_explained(self, storage, tmp_path):
        """The rest is imported; each reason names the file, the entry and the place in it."""
        good = make_session("good").to_dict()
        entries = [
            good,
            {"session_id": "x"},
            17,
            good
            | {
                "session_id": "bad",
                "test_results": [{"nodeid": "t", "outcome": "exploded", "start_time": "2026-01-01"}],
            },
            good,
        ]
        path = tmp_path / "mixed.json"
        path.write_text(json.dumps({"sessions": entries}))
        stats = storage.import_sessions(path)
        assert dict(stats) == {"total": 5, "imported": 1, "skipped": 1, "errors": 3, "added": 1, "updated": 0}
        assert all(str(path) in reason for reason in stats.reasons)
        assert "exploded" in stats.reasons[2]
        assert "$.test_results[0].outcome" in stats.reasons[2]
        assert ids(storage) == ["good"]


# ------------------------------------------------------------------ on an event log


def test_nothing_is_ever_rewritten(tmp_path):
    """Saving, superseding, clearing, importing: the log only ever grows, and what was there stays byte for byte."""
    path = tmp_path / "log.jsonl"
    storage = JSONStorage(path)
    before = b""
    steps = [
        lambda: storage.save_session(make_session("a")),
        lambda: storage.save_session(make_session("a", sut="x")),
        lambda: storage.export_sessions(tmp_path / "e.jsonl"),
        storage.clear_sessions,
        lambda: storage.import_sessions(tmp_path / "e.jsonl"),
    ]
    for step in steps:
        step()
        data = path.read_bytes()
        assert data.startswith(before)
        before = data
    assert ids(storage) == ["a"]
    assert verify_log(path).problems == []
    kinds = {parse_envelope(line).type for line in before.split(b"\n")[:-1]}
    assert {"session.cleared", "session.restored", "session.superseded"} <= kinds


def test_recorded_lines_are_copied_as_they_are(tmp_path):
    """Export as jsonl and import: the lines of the sessions are in the other log, byte for byte, in canonical order."""
    one, two = JSONStorage(tmp_path / "1.jsonl"), JSONStorage(tmp_path / "2.jsonl")
    one.save_sessions([make_session("b", minutes=3), make_session("a")])
    one.export_sessions(tmp_path / "x.jsonl")
    two.import_sessions(tmp_path / "x.jsonl")
    assert (tmp_path / "2.jsonl").read_bytes() == (tmp_path / "x.jsonl").read_bytes()
    assert sorted((tmp_path / "x.jsonl").read_bytes().split()) == sorted((tmp_path / "1.jsonl").read_bytes().split())


def test_a_document_of_a_recorded_session_is_known_as_that_session(tmp_path):
    """Exported as JSON and imported with replace: the content is the same, so nothing is replaced or doubled."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.save_session(make_session("a"))
    storage.export_sessions(tmp_path / "x.json")
    storage.export_sessions(tmp_path / "x.jsonl")
    other = JSONStorage(tmp_path / "2.jsonl")
    other.import_sessions(tmp_path / "x.jsonl")
    size = (tmp_path / "2.jsonl").stat().st_size
    for strategy in STRATEGIES:
        assert other.import_sessions(tmp_path / "x.json", strategy)["skipped"] == 1
    assert (tmp_path / "2.jsonl").stat().st_size == size


def test_results_and_texts_are_read_when_they_are_asked_for(tmp_path, monkeypatch):
    """Loading sessions reads no line of the log; counts are known without, a text costs one line."""
    from pytest_insight.projections.readmodel import catch_up, log_lookup

    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.save_sessions([make_session(str(n), minutes=n) for n in range(20)])
    storage.load_sessions()
    reads = []
    original = log_lookup.read_batches
    for module in (catch_up, log_lookup):
        monkeypatch.setattr(
            module, "read_batches", lambda *args, **kwargs: reads.append(args) or original(*args, **kwargs)
        )
    sessions = storage.load_sessions()
    assert [session.outcome_counts for session in sessions] == [{"passed": 1, "failed": 1}] * 20
    assert reads == []
    assert sessions[3].test_results[1].outcome is TestOutcome.FAILED
    assert len(reads) == 1
    assert sessions[3].test_results[1].longreprtext == "E   assert 0"


def test_sessions_loaded_before_a_rewrite_still_read(tmp_path):
    """Packing moves the lines; sessions that were given out before find them."""
    from pytest_insight.eventlog.maintenance.packing import pack_log

    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.save_sessions([make_session("a"), make_session("b", minutes=1)])
    first, second = storage.load_sessions()
    _ = first.test_results
    pack_log(tmp_path / "log.jsonl", 1 << 60)
    assert first.test_results[1].longreprtext == "E   assert 0"
    assert JSONStorage(tmp_path / "log.jsonl").load_sessions()[1].test_results[0].capstdout == "out 0"
    storage.load_sessions()
    assert second.test_results[0].capstdout == "out 0"


def test_a_session_that_was_interrupted_stays_so_through_a_document(tmp_path):
    """What was running and what never ran is in the export, and so in the import."""
    session = make_session("a", outcomes=("passed",))
    session.status, session.running, session.not_run = "interrupted", ["t.py::hung"], ["t.py::never"]
    one = JSONStorage(tmp_path / "log.jsonl")
    one.save_session(session)
    one.export_sessions(tmp_path / "x.json")
    two = InMemoryStorage()
    two.import_sessions(tmp_path / "x.json")
    (loaded,) = two.load_sessions()
    assert (loaded.status, loaded.running, loaded.not_run) == ("interrupted", ["t.py::hung"], ["t.py::never"])


def test_memory_profiles_are_one_storage_a_process(private_home):
    """Two looks at a memory profile see the same sessions; nothing of it is on disk."""
    get_profile_manager()._create_profile("tut", "memory")
    get_storage_instance("tut").save_session(make_session("a"))
    assert list(load_sessions("tut")) == ["a"]
    assert not (private_home / "insight" / "tut.jsonl").exists()
    assert not (private_home / "insight" / "profiles.json").exists()


def test_threads_share_a_storage(tmp_path):
    """One storage object used by several threads at once."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    errors = []

    def work(number):
        try:
            for n in range(10):
                storage.save_session(make_session(f"{number}-{n}", minutes=n))
                assert storage.get_session_by_id(f"{number}-{n}").test_results[0].capstdout == "out 0"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(storage.load_sessions()) == 40


@settings(max_examples=examples(40))
@given(st.integers(0, 2**32).map(random.Random))
def test_two_implementations_agree_under_random_commands(tmp_path_factory, rng):
    """In memory and in a file: the same commands give the same answers."""
    folder = tmp_path_factory.mktemp("s")
    one, two = JSONStorage(folder / "log.jsonl"), InMemoryStorage()
    for step in range(rng.randint(1, 12)):
        command = rng.choice(["save", "clear", "clear all", "export", "import"])
        name, sut, strategy = rng.choice("abc"), rng.choice("xy"), rng.choice(STRATEGIES)
        path = folder / f"{step}.{rng.choice(['json', 'jsonl'])}"
        answers = []
        for storage in (one, two):
            if command == "save":
                answers.append(storage.save_session(make_session(name, sut=sut, minutes=ord(name))))
            elif command == "clear":
                found = storage.get_session_by_id(name)
                answers.append(storage.clear_sessions([found] if found else []))
            elif command == "clear all":
                answers.append(storage.clear_sessions())
            elif command == "export":
                answers.append(storage.export_sessions(path))
            elif exports := sorted(folder.glob("[0-9]*.json*")):
                answers.append(storage.import_sessions(exports[len(exports) // 2], strategy))
        assert answers[:1] == answers[1:]
        views = [[(s.session_id, s.to_dict()) for s in storage.load_sessions()] for storage in (one, two)]
        assert views[0] == views[1]


# ------------------------------------------------------------------ several processes

WORKER = """
import random, sys, time
from pathlib import Path
sys.path[:0] = [sys.argv[4], str(Path(sys.argv[4]).parent)]
from test_storage import make_session
from pytest_insight.core.exchange.hiding import clear
from pytest_insight.core.exchange.transfer import merge_store
from pytest_insight.core.storage import JSONStorage
from pytest_insight.eventlog.merging.conflicts import Strategy
folder, number, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
rng = random.Random(number)
shared, mine = JSONStorage(folder / "shared.jsonl"), JSONStorage(folder / f"own-{number}.jsonl")
saved, cleared = [], []
end = time.monotonic() + seconds
n = 0
while time.monotonic() < end:
    n += 1
    what = rng.choice(["save", "import", "merge", "clear"])
    name = f"{number}-{n}"
    if what == "save":
        shared.save_session(make_session(name, minutes=n))
        saved.append(name)
    elif what == "import":
        other = JSONStorage(folder / f"tmp-{number}-{n}.jsonl")
        other.save_session(make_session(name, minutes=n))
        other.export_sessions(folder / f"{name}.json")
        assert shared.import_sessions(folder / f"{name}.json")["added"] == 1
        shared.import_sessions(folder / "common.json")
        saved.append(name)
    elif what == "merge":
        mine.save_session(make_session(name, minutes=n))
        merge_store(shared.store, mine.store, Strategy.SKIP_EXISTING)
        saved.append(name)
    elif saved:
        name = saved.pop(rng.randrange(len(saved)))
        assert shared.clear_sessions([shared.get_session_by_id(name)]) == 1, name
        cleared.append(name)
print(" ".join(saved))
print(" ".join(cleared))
"""


def test_eight_processes_that_save_import_merge_and_clear(tmp_path):
    """Each process knows what must be left of its own sessions; the log holds exactly that, and verifies."""
    InMemoryStorage([make_session("common", minutes=-5)]).export_sessions(tmp_path / "common.json")
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    processes = [
        subprocess.Popen(
            [*command, str(number), "4", str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    expected: set[str] = set()
    gone: set[str] = set()
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-3000:]
        saved, cleared = out.split("\n")[:2]
        expected |= set(saved.split())
        gone |= set(cleared.split())
    found = ids(JSONStorage(tmp_path / "shared.jsonl"))
    assert len(found) == len(set(found))
    assert set(found) - {"common"} == expected
    assert len(expected) > 20, "something happened"
    assert not set(found) & gone
    assert verify_log(tmp_path / "shared.jsonl").problems == []


def test_a_forked_child_has_a_read_model_of_its_own(tmp_path):
    """A storage made before a fork works in the child, and in the parent afterwards."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.save_session(make_session("a"))
    child = os.fork()
    if not child:
        try:
            storage.save_session(make_session("b", minutes=1))
            os._exit(0 if ids(storage) == ["a", "b"] else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert ids(storage) == ["a", "b"]
