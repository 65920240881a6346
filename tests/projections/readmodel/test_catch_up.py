"""When the read model is stale or behind, and what a catch-up then does; the file of the model is read by SQLite alone."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from histories import START, write_line, write_session
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.sources import LogSource, live_dir, pack_dir
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.catch_up import ModelUpdater
from pytest_insight.projections.readmodel.connection import ModelConnection

TESTS = [("t.py::a", "passed"), ("t.py::b", "failed")]


@pytest.fixture
def log(tmp_path) -> Path:
    """Two sessions in the log, one in a pack, one in a live file."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(write_session("one", 1, TESTS) + write_session("two", 2, TESTS))
    pack_dir(path).mkdir()
    (pack_dir(path) / "0001.jsonl.gz").write_bytes(gzip.compress(write_session("old", 0, TESTS)))
    put_live(path, write_session("live", 3, TESTS, seal=False))
    return path


@pytest.fixture
def file(tmp_path, log) -> Path:
    """A model that is up to date."""
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
    return tmp_path / "model.sqlite"


def put_live(log: Path, data: bytes) -> Path:
    """Write a live file of a session."""
    live_dir(log).mkdir(exist_ok=True)
    stream = data.split(b'"stream":"', 1)[1][:32].decode()
    path = live_dir(log) / f"{stream}.jsonl"
    path.write_bytes(data)
    return path


def change(file: Path, statement: str, *values) -> None:
    """Change a model from outside."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement, values)


def labels_in(file: Path) -> list[str]:
    """The labels in a model."""
    with closing(sqlite3.connect(file)) as db:
        return [label for (label,) in db.execute("SELECT label FROM sessions ORDER BY label")]


def updater_of(log: Path, file: Path | None) -> ModelUpdater:
    """The updater of a model."""
    return ModelUpdater(ModelConnection(file), LogSource(log))


def rename_log(log: Path, file: Path) -> None:
    """The model is one of a log of another name."""
    change(file, "UPDATE sources SET name = ? WHERE number = 0", str(log.with_name("other.jsonl")))


def damage_first_bytes(log: Path, file: Path) -> None:
    """The log has the same size and other bytes before the checkpoint."""
    data = log.read_bytes()
    log.write_bytes(data[:-40] + b"x" * 39 + b"\n")


STALE = {
    "schema": (
        "made by another release",
        lambda log, file: change(file, "UPDATE meta SET value='0' WHERE key='schema'"),
    ),
    "rules": ("made by another release", lambda log, file: change(file, "UPDATE meta SET value='0' WHERE key='rules'")),
    "other log": ("of another log", rename_log),
    "pack gone": ("packs of the log came or went", lambda log, file: (pack_dir(log) / "0001.jsonl.gz").unlink()),
    "pack new": (
        "packs of the log came or went",
        lambda log, file: (pack_dir(log) / "0002.jsonl.gz").write_bytes(gzip.compress(b"")),
    ),
    "pack renamed": (
        "packs of the log came or went",
        lambda log, file: (pack_dir(log) / "0001.jsonl.gz").rename(pack_dir(log) / "0009.jsonl.gz"),
    ),
    "pack rewritten": (
        "the log was replaced",
        lambda log, file: (pack_dir(log) / "0001.jsonl.gz").write_bytes(gzip.compress(write_session("new", 0, TESTS))),
    ),
    "log cut": ("the log was replaced", lambda log, file: log.write_bytes(log.read_bytes()[:-100])),
    "log replaced": ("the log was replaced", lambda log, file: log.write_bytes(write_session("x", 1, TESTS) * 3)),
    "log damaged": ("the log was replaced", damage_first_bytes),
    "log emptied": ("the log was replaced", lambda log, file: log.write_bytes(b"")),
    "live file cut": (
        "the log was replaced",
        lambda log, file: put_live(log, write_session("live", 3, TESTS, seal=False)[:-100]),
    ),
    "numbers used up": (
        "the numbers of its files are used up",
        lambda log, file: change(
            file, "INSERT INTO sources VALUES (30001, ?, -1, x'')", str(live_dir(log) / "gone.jsonl")
        ),
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_each_stale_reason_leads_to_a_rebuild_that_names_it(log, file, name):
    """The reason is found before, reported by the catch-up, and gone afterwards."""
    reason, make_stale = STALE[name]
    make_stale(log, file)
    assert updater_of(log, file).stale_reason() == reason
    with ReadModel.open(log, file) as model:
        assert model.catch_up().rebuilt == reason
        assert model.catch_up().rebuilt == ""
        assert model.check() == []
    assert updater_of(log, file).stale_reason() == ""


def test_every_stale_reason_of_the_source_is_provoked():
    """A reason that is added needs a case above."""
    from pytest_insight.projections.readmodel import catch_up, log_files

    sources = [Path(module.__file__).read_text() for module in (catch_up, log_files)]
    bodies = [text.split("def stale_reason", 1)[1].split("    def ", 1)[0] for text in sources]
    found = {line.split('"')[1] for body in bodies for line in body.splitlines() if line.strip().startswith('return "')}
    assert found - {""} == {reason for reason, _ in STALE.values()}


BEHIND = {
    "nothing": (lambda log: None, False),
    "the log grew": (lambda log: log.write_bytes(log.read_bytes() + write_session("more", 4, TESTS)), True),
    "a part of a line": (lambda log: log.write_bytes(log.read_bytes() + b'{"v":1'), True),
    "the live file grew": (lambda log: put_live(log, write_session("live", 3, TESTS)), True),
    "a new live file": (lambda log: put_live(log, write_session("other", 4, TESTS, seal=False)), True),
    "a live file was collected": (collect_live_files, True),
    "a live file was removed": (lambda log: next(live_dir(log).iterdir()).unlink(), True),
}


@pytest.mark.parametrize("name", BEHIND)
def test_a_model_is_behind_until_it_has_caught_up_and_is_not_stale(log, file, name):
    """No change of this kind needs a rebuild."""
    make_change, expected = BEHIND[name]
    make_change(log)
    updater = updater_of(log, file)
    assert (updater.stale_reason(), updater.is_behind()) == ("", expected)
    assert updater.catch_up().rebuilt == ""
    is_cut = name == "a part of a line"  # it is folded when its end is there
    assert (updater.stale_reason(), updater.is_behind()) == ("", is_cut)
    with ReadModel.open(log, file) as model:
        assert model.check() == []


def test_a_catch_up_reads_only_what_is_new(log, file):
    """Events and bytes of the result are those that were appended; progress ends at the same number of bytes."""
    more, grown = write_session("more", 4, TESTS), write_session("live", 3, TESTS)
    before = len(write_session("live", 3, TESTS, seal=False))
    log.write_bytes(log.read_bytes() + more)
    put_live(log, grown)
    calls = []
    result = updater_of(log, file).catch_up(lambda done, total: calls.append((done, total)))
    new = more + grown[before:]
    assert (result.events, result.bytes, result.findings, result.rebuilt) == (new.count(b"\n"), len(new), 0, "")
    assert calls[-1] == (len(new), len(new))
    assert calls == sorted(calls)


class StoppedError(Exception):
    """Stops a catch-up from within its progress callback."""


@pytest.mark.parametrize("rebuild", [False, True])
def test_an_interrupted_catch_up_leaves_the_model_of_before(log, file, rebuild):
    """Other readers see the old sessions, and the next catch-up folds what is missing."""
    before = labels_in(file)
    log.write_bytes(log.read_bytes() + write_session("more", 4, TESTS))

    def stop(done: int, total: int) -> None:
        raise StoppedError

    with ReadModel.open(log, file) as model:
        with pytest.raises(StoppedError):
            model.replay(stop, workers=1) if rebuild else model.catch_up(stop)
        assert labels_in(file) == before == sorted(row.session_id for row in model.sessions())
        assert model.catch_up().rebuilt == ""
        assert labels_in(file) == sorted([*before, "more"])
        assert model.check() == []


def test_a_model_that_another_process_has_rebuilt_meanwhile_is_not_rebuilt_again(log, file, monkeypatch):
    """The stale reason is checked once more under the lock."""
    change(file, "UPDATE meta SET value = '0' WHERE key = 'rules'")
    first, second = updater_of(log, file), updater_of(log, file)
    reason = first.stale_reason()
    assert second.catch_up().rebuilt == reason
    filled = []
    monkeypatch.setattr(first, "_fill_tables", lambda *args: filled.append(args))
    result = first._rebuild(reason, None, None)
    assert (result.events, result.rebuilt, filled) == (0, "", [])


def test_a_replay_folds_everything_though_nothing_is_new(log, file):
    """All events of all files, and the reason says that the caller wanted it."""
    data = b"".join(
        [log.read_bytes(), write_session("old", 0, TESTS), *(path.read_bytes() for path in live_dir(log).iterdir())]
    )
    result = updater_of(log, file).replay(workers=1)
    assert (result.events, result.rebuilt) == (data.count(b"\n"), "asked for")


@pytest.mark.parametrize("name", ["repeated", "reversed", "in two files"])
def test_events_out_of_order_count_once(tmp_path, name):
    """A session whose lines repeat, run backwards, or are in the log and a live file, equals the one in order."""
    data = write_session("one", 1, [*TESTS, ("t.py::b", "passed")])
    lines = data.splitlines(keepends=True)
    log = tmp_path / "log.jsonl"
    log.write_bytes({"repeated": data + b"".join(lines[2:5]), "reversed": b"".join(lines[::-1])}.get(name, data))
    if name == "in two files":
        put_live(log, data)
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(data)
    with ReadModel.open(log, None) as model, ReadModel.open(plain, None) as expected:
        model.catch_up()
        expected.catch_up()
        (row,), (wanted,) = model.sessions(), expected.sessions()
        assert (row.verdicts, row.counts, row.part.events) == (wanted.verdicts, wanted.counts, len(lines))
        names = [(attempt.nodeid, attempt.attempt) for attempt in model.attempts(row.stream)]
        assert names == [(attempt.nodeid, attempt.attempt) for attempt in expected.attempts(row.stream)]
        for attempt in model.attempts(row.stream):
            assert model.record_at(attempt.position).envelope.type == "test.finished"


def test_a_missing_log_is_an_error_and_leaves_the_model(tmp_path):
    """Both ways of bringing a model up to date say so."""
    log, file = tmp_path / "none.jsonl", tmp_path / "model.sqlite"
    with ReadModel.open(log, file) as model:
        for bring_up in (model.catch_up, model.replay):
            with pytest.raises(FileNotFoundError):
                bring_up()
        assert model.sessions() == []


def test_findings_of_a_live_file_are_those_of_the_log_after_it_moved(tmp_path):
    """A damaged line is reported once, with the file that has it."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 1, TESTS))
    lines = write_session("live", 3, TESTS).splitlines(keepends=True)
    bad = write_line("test.finished", lines[0].split(b'"stream":"')[1][:32].decode(), 99, START, nodeid="x")
    live = put_live(log, b"".join([*lines[:3], bad, *lines[3:]]))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        assert [(Path(found.log), found.reason) for found in model.findings()] == [(live, "malformed")]
        size = log.stat().st_size
        collect_live_files(log)
        assert not live.exists()
        assert model.catch_up().rebuilt == ""
        expected = (log, size + len(b"".join(lines[:3])), len(bad) - 1, "malformed")
        assert [(Path(found.log), *found[1:4]) for found in model.findings()] == [expected]
