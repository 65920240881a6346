"""Logs whose newlines were lost, changed or doubled on the way: every event counts, and what is written of them is whole."""

import pytest
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestsAnnounced, TestStarted
from pytest_insight.eventlog.maintenance.repair import repair_log
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.merging.merger import merge_logs
from pytest_insight.eventlog.merging.staging import staging
from pytest_insight.eventlog.reader import event_at, read_batches
from pytest_insight.eventlog.sources import LogSource
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel

SESSIONS = 3
WAYS = {
    "the last is missing": lambda data: data[:-1],
    "all are missing": lambda data: data.replace(b"\n", b""),
    "all but the last are missing": lambda data: data.replace(b"\n", b"") + b"\n",
    "of another system": lambda data: data.replace(b"\n", b"\r\n"),
    "three are another byte": lambda data: data.replace(b"\n", b"J", 3),
    "all are another byte": lambda data: data.replace(b"\n", b"\x0b"),
}


@pytest.fixture
def good(tmp_path):
    """A log of some sessions as it was written."""
    path = tmp_path / "good.jsonl"
    for number in range(SESSIONS):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=f"session-{number}", sut="shop"))
        writer.append(TestsAnnounced(nodeids=["t.py::a", "t.py::b"]))
        for name in ("t.py::a", "t.py::b"):
            writer.append(TestStarted(nodeid=name))
            writer.append(TestFinished(nodeid=name, outcome="passed", phases={"call": 1}))
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    return path


@pytest.fixture(params=WAYS)
def changed(request, tmp_path, good):
    """The same log with other newlines, and its way."""
    path = tmp_path / "changed.jsonl"
    path.write_bytes(WAYS[request.param](good.read_bytes()))
    return path, request.param


def sessions_of(path):
    """What the views say of a log."""
    with ReadModel(LogSource(path), None) as model:
        model.catch_up()
        return sorted((row.session_id, row.status, row.exit_status, str(row.counts)) for row in model.sessions())


def merged(path, folder):
    """The bytes of a merge of one log."""
    out = folder / "out.jsonl"
    with out.open("wb") as sink, staging() as stage:
        merge_logs([path], sink, stage)
    return out


def test_a_merge_writes_whole_lines(good, changed, tmp_path):
    """Each line ends with a newline, whatever follows it in the input, and none is left out."""
    out = merged(changed[0], tmp_path)
    assert sorted(out.read_bytes().splitlines(keepends=True)) == sorted(good.read_bytes().splitlines(keepends=True))
    assert verify_log(out).problems == []


def test_the_views_know_every_session(good, changed):
    """As they do of the log that was written."""
    assert sessions_of(changed[0]) == sessions_of(good)


def test_events_are_found_at_their_places(changed):
    """Also where another one is glued to them."""
    path, _ = changed
    places = [offset for batch in read_batches(path, whole=True) for offset in batch.offsets]
    assert len(places) == SESSIONS * 7
    for place in places:
        assert event_at(path, place).position == place
    with ReadModel(LogSource(path), None) as model:
        model.catch_up()
        assert len(model.lines_at(places)) == len(places)


def test_a_repair_keeps_every_event(good, changed):
    """A missing newline at the end is no damage; what is repaired is what was written."""
    path, way = changed
    before = path.read_bytes()
    report = repair_log(path)
    assert report.events == SESSIONS * 7
    if report.removed:
        assert path.read_bytes() == good.read_bytes()
    else:
        assert path.read_bytes() == before
        assert way in ("the last is missing", "all are missing", "all but the last are missing")
    assert sessions_of(path) == sessions_of(good)


def test_views_go_on_behind_a_line_that_got_its_newline_later(good, tmp_path):
    """The next writer ends the line; that newline is no damage, and the line counts once."""
    path, whole = tmp_path / "grows.jsonl", good.read_bytes()
    lines = whole.splitlines(keepends=True)
    with ReadModel(LogSource(path), None) as model:
        for count in range(1, len(lines) + 1):
            path.write_bytes(b"".join(lines[:count])[:-1])
            model.catch_up()
            assert sum(row.part.events for row in model.sessions()) == count
        path.write_bytes(whole)
        model.catch_up()
        assert model.findings() == []
        assert model.check() == []
    assert sessions_of(path) == sessions_of(good)
