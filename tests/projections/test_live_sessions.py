"""The read model beside live files: each folded from where it was folded last, and nothing made again when one ends."""

import os
import time
from pathlib import Path

import pytest
from pytest_insight.core.views.session import TestSession, load_session
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.live.owner import boot_id, host_name, own_identity, process_start, session_state
from pytest_insight.eventlog.sources import live_dir
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel

PHASES = {"setup": 1, "call": 1, "teardown": 1}


def begin(log: Path, **writer_fields: str) -> LogWriter:
    """A session that is running."""
    writer = LogWriter(log)
    writer.append(SessionStarted(session_id=writer.stream[:12], sut="s", writer=own_identity() | writer_fields))
    return writer


def run_test(writer: LogWriter, name: str, outcome: str = "passed") -> None:
    """Two events: a test starts, and it finishes with a text of its own."""
    writer.append(TestStarted(nodeid=name))
    text = f"why {name}" if outcome == "failed" else ""
    writer.append(TestFinished(nodeid=name, outcome=outcome, phases=PHASES, longreprtext=text))


def end(writer: LogWriter) -> None:
    """Seal and close a session."""
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()


def test_a_session_is_in_the_views_while_it_runs_and_moves_without_a_rebuild(tmp_path):
    """What a model made from nothing says, at every step; each catch-up folds only what is new."""
    log = tmp_path / "log.jsonl"
    end(begin(log))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        writers = [begin(log) for _ in range(3)]
        for number in range(6):
            writer = writers[number % 3]
            run_test(writer, f"t{number}", "failed" if number % 2 else "passed")
            caught = model.catch_up()
            assert (caught.rebuilt, caught.events) == ("", 5 if number == 0 else 2)
            assert model.check() == []
            assert sum(model.find_session(writer.stream[:12]).counts.values()) == number // 3 + 1
        for writer in writers:
            before = [attempt.nodeid for attempt in model.attempts(writer.stream)]
            run_test(writer, "last")
            end(writer)
            assert model.catch_up().rebuilt == ""
            assert [attempt.nodeid for attempt in model.attempts(writer.stream)] == [*before, "last"]
            assert model.check() == []
        assert model.catch_up().events == 0
        assert not live_dir(log).exists()


def test_what_was_read_while_it_ran_is_found_after_it_moved(tmp_path):
    """Positions that were given out for a live file lead to the same event in the log, also for texts read later."""
    log = tmp_path / "log.jsonl"
    end(begin(log))
    writer = begin(log)
    run_test(writer, "a", "failed")
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        view = load_session(model, model.find_session(writer.stream[:12]))
        [attempt] = model.attempts(writer.stream)
        line = model.record_at(attempt.position).line
        other = begin(log)
        end(writer)
        assert model.record_at(attempt.position).line == line
        assert model.lines_at([attempt.position]) == [line]
        assert view.test_results[0].longreprtext == "why a"
        assert model.catch_up().rebuilt == ""
        assert model.record_at(attempt.position).line == line
        end(other)
        model.catch_up()
        assert model.record_at(attempt.position).line == line


def test_a_session_that_died_and_is_collected_stays_what_it_was(tmp_path):
    """Its events are counted once, whether the model saw it live, and also if collecting was interrupted."""
    log = tmp_path / "log.jsonl"
    writer = begin(log)
    run_test(writer, "a")
    path = writer.file
    writer._files.current.close()
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        log.write_bytes(path.read_bytes())  # appended, and not removed yet
        model.catch_up()
        assert model.find_session(writer.stream[:12]).counts == {"passed": 1}
        assert model.check() == []
        collect_live_files(log)
        assert model.catch_up().rebuilt == ""
        assert model.find_session(writer.stream[:12]).counts == {"passed": 1}
        assert model.check() == []


def test_a_live_file_that_is_deleted_by_hand_takes_its_session_along(tmp_path):
    """The log is what counts: a session that is nowhere any more is not shown."""
    log = tmp_path / "log.jsonl"
    end(begin(log))
    writer = begin(log)
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        assert len(model.sessions()) == 2
        writer.file.unlink()
        writer._files.current.close()
        model.catch_up()
        assert len(model.sessions()) == 1
        assert model.check() == []


def test_a_model_begins_again_before_the_numbers_of_files_run_out(tmp_path):
    """Positions hold 15 bits of them; a model that has seen so many live files is made from nothing once."""
    log = tmp_path / "log.jsonl"
    end(begin(log))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        name = str(live_dir(log) / "gone.jsonl")
        model._db.execute("INSERT INTO sources VALUES (32766, ?, -1, x'')", (name,))
        writers = [begin(log) for _ in range(3)]
        assert "used up" in model.catch_up().rebuilt
        assert model.catch_up().rebuilt == ""
        assert len(model.sessions()) == 4
        assert model.check() == []
        for writer in writers:
            end(writer)


def test_running_killed_finished(tmp_path):
    """By the lock while it runs, by its end; the same in the model of a session."""
    log = tmp_path / "log.jsonl"
    writer, dead = begin(log), begin(log, started="1")
    run_test(writer, "a")
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()

        def state(one: LogWriter) -> tuple[str, str]:
            row = model.session_of(one.stream)
            return model.state_of(row), load_session(model, row).state

        assert state(writer) == state(dead) == ("running", "running")
        dead._files.current.close()
        assert state(dead) == ("killed", "killed")
        collect_live_files(log)
        model.catch_up()
        assert state(dead) == ("killed", "killed")
        seen_before = model.session_of(writer.stream)
        end(writer)
        assert model.state_of(seen_before) == "finished", "it ended after the model looked at it"
        assert state(writer) == ("finished", "finished")


def test_a_session_in_a_named_log_is_running_by_the_lock_on_it(tmp_path):
    """--insight-log: the log itself is locked."""
    log = tmp_path / "log.jsonl"
    writer = LogWriter(log, direct=True)
    writer.append(SessionStarted(session_id="direct", sut="s", writer=own_identity()))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        assert model.state_of(model.find_session("direct")) == "running"
        writer._files.current.close()
        assert model.state_of(model.find_session("direct")) == "unknown", "its process is here, and holds no lock"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "unknown"),
        ({"host": "elsewhere"}, "unknown"),
        ({"host": "elsewhere", "pid": "1", "started": "1"}, "unknown"),
        ({"boot_id": "before"}, "killed"),
        ({"started": "1"}, "killed"),
        ({"pid": str(2**22 + 1)}, "killed"),
        ({"host": ""}, "unknown"),
        ({"boot_id": ""}, "unknown"),
        ({"started": ""}, "unknown"),
    ],
)
def test_a_copied_folder_is_judged_by_the_header_and_never_guessed(tmp_path, fields, expected):
    """No lock reaches a copy of a home folder: only what the header says for certain counts."""
    log = tmp_path / "home" / "log.jsonl"
    writer = begin(log, **fields)
    run_test(writer, "a")
    copy = tmp_path / "copy"
    import shutil

    shutil.copytree(log.parent, copy)
    with ReadModel.open(copy / "log.jsonl", tmp_path / "model.sqlite") as model:
        model.catch_up()
        assert model.state_of(model.session_of(writer.stream)) == expected
    end(writer)


def test_the_whole_table_of_states():
    """Every seal, lock and owner: the rules said another way."""
    own = own_identity()
    owners = {
        "here": own,
        "gone": own | {"started": "1"},
        "rebooted": own | {"boot_id": "other"},
        "elsewhere": own | {"host": "other"},
        "nobody": {},
    }
    for sealed in (True, False):
        for locked in (True, False, None):
            for name, writer in owners.items():
                expected = "unknown"
                if sealed:
                    expected = "finished"
                elif locked:
                    expected = "running"
                elif name in ("gone", "rebooted"):
                    expected = "killed"
                assert session_state(sealed=sealed, locked=locked, writer=writer) == expected, (sealed, locked, name)


def test_the_identity_of_this_process():
    """What the header says, against what the system says."""
    own = own_identity()
    assert own["pid"] == str(os.getpid())
    assert own["host"] == host_name() == os.uname().nodename
    assert own["boot_id"] == boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert own["started"] == process_start(os.getpid())
    began_s = int(own["started"]) / os.sysconf("SC_CLK_TCK")
    assert 0 < began_s < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_session_made_in_memory_has_no_process():
    """It is finished, unless a document says that it was interrupted."""
    from datetime import UTC, datetime

    session = TestSession("s", session_start_time=datetime.now(UTC), session_duration=1)
    assert session.state == "finished"
    session.status = "interrupted"
    assert session.state == "unknown"
