"""The process of the projector is killed again and again: the tables equal those of a rebuild, and purges reach them."""

import json
import time

import psutil
from collector_lines import session_lines
from collector_tables import rows_of
from histories import write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.views.process import ProjectorProcess
from pytest_insight.collector.views.projecting import project_all

ROWS = (
    "select s.label, s.tests, s.passed, n.nodeid, r.seq, r.verdict from session s"
    " join result r on r.session = s.id join node n on n.id = r.node order by 1, 4, 5"
)
PACKED = (
    "select s.label, p.verdicts, p.outcomes, p.durations, p.attempts, length(p.nodes), length(p.notable_failed)"
    " from packed p join session s on s.id = p.session order by 1"
)
DAYS = "select n.nodeid, day, runs, passed, failed from test_day d join node n on n.id = d.node order by 1, 2"


def wait_for(condition):
    """Wait until a condition is true."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def test_kills_of_the_projector_leave_what_a_rebuild_makes(served, engine, database):
    """Killed at any moment under load; another process is started, and at the end all rows are there, each once."""
    projector = ProjectorProcess(database)
    projector.start()
    try:
        for number in range(1, 41):
            lines = session_lines(number, 30, outcome="failed" if number % 4 == 0 else "passed")
            served.push(b"".join(lines[:20]))
            served.push(b"".join(lines))
            if number % 8 == 0:  # it has begun, and has something left to do
                wait_for(lambda least=number - 7: rows_of(database, "", "select count(*) from session")[0][0] > least)
                psutil.Process(projector.pid).kill()
        wait_for(lambda: rows_of(database, "", "select count(*) from session where status = 'complete'") == [(40,)])
    finally:
        projector.close()
    answers = lambda: [served.get(f"/api/v1/{path}").json() for path in ("tests?all=1", "session-list?all=1")]
    rows = lambda: [rows_of(database, "", query) for query in (ROWS, DAYS, PACKED)]
    grown, answered = rows(), answers()
    assert len(grown[0]) == 40 * 30
    assert main.run(["db", "rebuild", "--db-url", database]) == 0
    assert (rows(), answers()) == (grown, answered)


def test_the_process_ends_with_its_server(database):
    """Also with one that is killed: its end of the pipe is closed then."""
    projector = ProjectorProcess(database)
    projector.start()
    process = psutil.Process(projector.pid)
    projector.close()
    assert not process.is_running()


def test_a_purge_reaches_the_tables(served, engine, database, tmp_path):
    """Names of tests that were purged are in no table, not even that of the node ids; other tests stay."""
    canary = "canary-77aa"
    before = write_session("s1", 1, [(f"t.py::test[{canary}]", "failed"), ("t.py::kept", "passed")])
    served.push(before)
    while project_all(engine):
        pass
    assert any(canary in nodeid for (nodeid,) in rows_of(database, "", "select nodeid from node"))
    log = tmp_path / "log.jsonl"
    log.write_bytes(before)
    assert main.run(["log", "purge", "--regex", canary, "--force", str(log)]) == 0
    assert served.push(log.read_bytes())["removed"] > 0
    assert rows_of(database, "", "select nodeid from node") == []
    while project_all(engine):
        pass
    tables = ("node", "packed", "session", "result", "test_day", "change", "folded")
    shown = json.dumps([rows_of(database, "", f"select t::text from {name} t") for name in tables])
    assert canary not in shown
    assert "t.py::kept" in shown
