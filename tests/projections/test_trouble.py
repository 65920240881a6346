"""The read model on logs with repeated, moved, lost and unreadable lines, and with several processes at one model."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.history.verdicts.reading import run_of_row
from pytest_insight.core.views.session import load_session
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import (
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestsAnnounced,
    TestStarted,
)
from pytest_insight.projections.parts import CRASHED_FLAG
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.rules import OUTCOMES

AT = "2026-11-21T01:{:02d}:{:02d}.000000Z"


def session(stream: str, *events, sealed: bool = True, interrupted: str = "") -> list[bytes]:
    """Lines of one session, with newlines."""
    all_events = [SessionStarted(session_id=stream[-12:], sut="shop"), *events]
    at = [AT.format(seq // 60, seq % 60) for seq in range(len(all_events) + 1)]
    lines = [encode_event(event, stream=stream, seq=seq, at=at[seq]) for seq, event in enumerate(all_events)]
    if sealed:
        root = line_hash(b"".join(line[-35:-3] for line in lines)).hexdigest()
        seal = SessionFinished(exit_status=0, duration_us=5, count=len(lines), root=root, interrupted=interrupted)
        lines.append(encode_event(seal, stream=stream, seq=len(lines), at=at[-1]))
    return lines


def one_test(nodeid: str, outcome: str = "passed", attempt: int = 1) -> list:
    """Start and report of an attempt."""
    special = {} if outcome == "passed" else {"call": outcome}
    phases = {"setup": 1, "call": 2, "teardown": 1}
    finished = TestFinished(
        nodeid=nodeid, outcome=outcome, attempt=attempt, phases=phases, phase_outcomes=special, duration_us=4
    )
    return [TestStarted(nodeid=nodeid, attempt=attempt), finished]


def whole_line(**fields) -> bytes:
    """A line with a good digest of any fields, with its newline."""
    stream, seq = fields.pop("stream", "cd" * 16), fields.pop("seq", 0)
    envelope = {"v": 1, "type": fields.pop("type"), "stream": stream, "seq": seq, "at": AT.format(0, 0)}
    body = json.dumps({**envelope, **fields}, separators=(",", ":")).encode()[:-1]
    return body + b',"digest":"' + line_hash(body).hexdigest().encode() + b'"}\n'


def view(model: ReadModel) -> list:
    """Everything about each session that may not depend on how the log was read."""
    return sorted(
        (
            row.stream,
            row.status,
            row.missing,
            row.part.events,
            row.finished_us,
            sorted(row.counts.items()),
            sorted(row.verdicts.items()),
            sorted((a.nodeid, a.outcome, a.attempt, a.duration_us) for a in model.attempts(row.stream)),
        )
        for row in model.sessions(hidden=True)
    )


@settings(max_examples=examples(150), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_events_are_a_set_however_they_are_read(tmp_path_factory, seed):
    """Repeated, glued and moved lines give, whole and in pieces, exactly the sessions of the log without them."""
    rnd = random.Random(seed)
    folder = tmp_path_factory.mktemp("set")
    queues = []
    for number in (1, 2):
        tests = [event for n in range(rnd.randrange(6)) for event in one_test(f"t.py::{n}", rnd.choice(OUTCOMES[:6]))]
        names = [f"t.py::{n}" for n in range(6)]
        open_test = [TestStarted(nodeid="t.py::5")] if rnd.random() < 0.4 else []
        events = [TestsAnnounced(nodeids=names), *tests, *open_test]
        queues.append(session(f"{number:032x}", *events, sealed=rnd.random() < 0.6))
    lines = []
    while any(queues):
        lines.append(rnd.choice([queue for queue in queues if queue]).pop(0))
    (folder / "plain.jsonl").write_bytes(b"".join(lines))
    spoilt = list(lines)
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(len(spoilt))
        line = spoilt[at]
        change = rnd.choice(["repeat", "move", "glue"])
        if change == "move":
            spoilt.append(spoilt.pop(at))
        else:
            spoilt.insert(rnd.randrange(at, len(spoilt)) + 1, line if change == "repeat" else b'{"v":1,"type"' + line)
    data = b"".join(spoilt)
    with ReadModel.open(folder / "plain.jsonl", None) as model:
        model.catch_up()
        expected = view(model)
    log = folder / "log.jsonl"
    with ReadModel.open(log, folder / "model.sqlite") as model:
        for cut in [*sorted(rnd.randrange(len(data) + 1) for _ in range(4)), len(data)]:
            log.write_bytes(data[:cut])
            model.catch_up()
        assert view(model) == expected
        assert model.check() == []
        model.replay(workers=1)
        assert view(model) == expected


UNREADABLE = [
    {"type": "test.finished", "nodeid": "x"},
    {"type": "test.finished", "nodeid": "x", "outcome": "passed", "duration_us": 2**70},
    {"type": "test.finished", "nodeid": "x", "outcome": "passed", "attempt": -1},
    {"type": "session.finished", "exit_status": 2**70, "count": 0, "root": ""},
    {"type": "session.started", "session_id": "s", "sut": "x", "workers": 2**70},
    {"type": "tests.announced", "nodeids": [], "deselected": 2**70},
    {"type": "recorder.degraded", "reason": "", "dropped": None},
    {"type": "subtest.finished", "nodeid": "x", "ordinal": 1, "outcome": 1},
]


@pytest.mark.parametrize("fields", UNREADABLE, ids=[json.dumps(fields)[9:60] for fields in UNREADABLE])
def test_a_line_that_is_no_event_of_its_type_is_a_finding_and_nothing_else(tmp_path, fields):
    """It neither stops the reading of the log nor turns into a result; its place is reported."""
    log = tmp_path / "log.jsonl"
    good = session("ab" * 16, *one_test("t.py::a"))
    log.write_bytes(b"".join(good[:2]) + whole_line(**fields) + b"".join(good[2:]))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        (row,) = [row for row in model.sessions() if row.stream == "ab" * 16]
        assert (row.status, row.counts) == ("complete", {"passed": 1})
        assert model.attempts("cd" * 16) == []
        assert [(finding.offset, finding.reason) for finding in model.findings()] == [
            (len(b"".join(good[:2])), "malformed")
        ]
        assert model.check() == []


def test_a_lost_report_leaves_a_sealed_session_incomplete(tmp_path):
    """Also where an earlier attempt of the test was reported: the one that counts has no report."""
    log = tmp_path / "log.jsonl"
    announced = TestsAnnounced(nodeids=["t.py::a", "t.py::b"])
    events = [announced, *one_test("t.py::b"), *one_test("t.py::a", "rerun"), TestStarted(nodeid="t.py::a", attempt=2)]
    log.write_bytes(b"".join(session("ab" * 16, *events)))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        (row,) = model.sessions()
    assert (row.status, row.missing, row.verdicts) == ("incomplete", 1, {"passed": 1, "crashed": 1})


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"outcome": "splendid"}, "splendid"), ({"outcome": "other", "category": "quarantined"}, "quarantined")],
)
def test_an_outcome_that_is_not_known_is_shown_by_its_own_name(tmp_path, fields, name):
    """Whether another plugin or a later release knows it: neither damage nor a pass nor a failure."""
    log = tmp_path / "log.jsonl"
    more = {"type": "test.finished", "nodeid": "t.py::b", "phases": {"call": 1}, "phase_outcomes": {"call": name}}
    line = whole_line(**more, **fields, stream="ab" * 16, seq=9)
    log.write_bytes(b"".join(session("ab" * 16, *one_test("t.py::a"))[:-1]) + line)
    with ReadModel.open(log, None) as model:
        model.catch_up()
        (row,) = model.sessions()
        assert row.counts == row.verdicts == {"passed": 1, name: 1}
        assert row.part.malformed == [] == row.part.collect_failed
        outcomes = {result.nodeid: result.outcome.to_str() for result in load_session(model, row).test_results}
        verdicts = {nodeid: test.verdict for nodeid, test in run_of_row(model, row).tests.items()}
    assert outcomes == verdicts == {"t.py::a": "passed", "t.py::b": name}


def test_what_ran_when_the_user_interrupted_is_cut_and_not_broken(tmp_path):
    """A start without a finish is a crash, unless pytest itself said that it was interrupted."""
    log = tmp_path / "log.jsonl"
    events = [*one_test("t.py::a"), TestStarted(nodeid="t.py::b")]
    for interrupted, verdict, failed in (
        ("", "crashed", 1),
        ("KeyboardInterrupt", "cut", 0),
        ("Exit: enough", "cut", 0),
    ):
        log.write_bytes(b"".join(session("ab" * 16, *events, interrupted=interrupted)))
        with ReadModel.open(log, None) as model:
            model.catch_up()
            (row,) = model.sessions()
            assert row.verdicts == {"passed": 1, verdict: 1}
            assert len(row.notable.failed) == 4 * failed
            assert run_of_row(model, row).tests["t.py::b"].verdict == verdict


def test_tests_that_are_announced_twice_are_promised_once(tmp_path):
    """`pytest --keep-duplicates` runs a test twice under one name; with a report of each it is complete."""
    log = tmp_path / "log.jsonl"
    announced = TestsAnnounced(nodeids=["t.py::a", "t.py::a"])
    events = [announced, *one_test("t.py::a"), *one_test("t.py::a", attempt=2)]
    log.write_bytes(b"".join(session("ab" * 16, *events)))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        (row,) = model.sessions()
    assert (row.status, row.missing, row.verdicts) == ("complete", 0, {"passed": 1})


MEETING = """
import sys, time
from pathlib import Path
from pytest_insight.projections.readmodel import ReadModel
log, file, start, replays = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
while time.time() < start:
    pass
for number in range(5):
    with ReadModel.open(log, file) as model:
        model.replay(workers=1) if number < replays else model.catch_up()
        print(len(model.sessions()), sum(len(model.attempts(row.stream)) for row in model.sessions()))
"""


@pytest.mark.parametrize("replays", [0, 3], ids=["catch-ups", "replays among them"])
def test_processes_that_meet_at_a_new_model_all_get_answers(tmp_path, replays):
    """Four processes make the same model at the same instant, some of them anew again and again: no error, one answer."""
    log, file = tmp_path / "log.jsonl", tmp_path / "models" / "model.sqlite"
    lines = [
        line for n in range(40) for line in session(f"{n:032x}", *one_test("t.py::a"), *one_test("t.py::b", "failed"))
    ]
    log.write_bytes(b"".join(lines))
    for _ in range(4):
        start = str(time.time() + 0.5)
        command = [sys.executable, "-c", MEETING, str(log), str(file), start]
        crowd = [
            warm.Popen([*command, str(replays * (n % 2))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for n in range(4)
        ]
        answers = [process.communicate(timeout=300) for process in crowd]
        assert [errors for _, errors in answers if errors] == []
        assert {line for output, _ in answers for line in output.splitlines()} == {"40 80"}
        with ReadModel.open(log, file) as model:
            assert model.check() == []
        for left in Path(file.parent).iterdir():
            left.unlink()


def test_crashed_is_part_of_the_code_of_an_attempt():
    """The view above compares codes: a crash and an ordinary failure must differ in it."""
    assert all(code | CRASHED_FLAG != other for code in range(len(OUTCOMES)) for other in range(len(OUTCOMES)))


FULL = """
import resource, sys
from pathlib import Path
from pytest_insight.projections.readmodel import ReadModel
log, file = Path(sys.argv[1]), Path(sys.argv[2])
with ReadModel.open(log, file) as model:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    model.catch_up()
    print(len(model.sessions()), sum(len(model.attempts(row.stream)) for row in model.sessions()))
"""


@pytest.mark.parametrize("limit", [0, 1, 4096, 40_000, 70_000, 90_000])
def test_a_full_disk_does_not_change_an_answer(tmp_path, limit):
    """Where the model cannot be written, answers are computed from the log; they are never those of half a model."""
    log, file = tmp_path / "log.jsonl", tmp_path / "model.sqlite"
    lines = [session(f"{number:032x}", *one_test("t.py::a")) for number in range(400)]
    log.write_bytes(b"".join(line for one in lines[:200] for line in one))
    with ReadModel.open(log, file) as model:
        model.catch_up()
    log.write_bytes(b"".join(line for one in lines for line in one))
    command = [sys.executable, "-c", FULL, str(log), str(file), str(limit)]
    result = warm.run(command, capture_output=True, text=True)
    assert result.stdout.split() == ["400", "400"], result.stderr
    with ReadModel.open(log, file) as model:
        assert model.check() == []
