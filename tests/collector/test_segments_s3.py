"""A server whose segments are objects of a real object store over S3, which is killed."""

import tempfile
from pathlib import Path

import pytest
from bucket.seaweed import KEY, SECRET, SeaweedServer
from collector_lines import session_lines
from collector_tables import rows_of
from collectors import start_collector
from pytest_insight.cli import app as main

URL = "s3://logs/team"


@pytest.fixture(scope="module")
def seaweed():
    """The store."""
    found = SeaweedServer(Path(tempfile.mkdtemp(prefix="insight-s3-")))
    found.start()
    yield found
    found.remove()


def test_a_store_that_is_killed_loses_nothing_and_holds_only_pushes(
    seaweed, database, tmp_path, postgres, monkeypatch, capsys
):
    """All processes of a server use it; credentials are in no log; an answer of 503 has stored nothing."""
    environ = seaweed.environ | {"INSIGHT_SEGMENTS": URL}
    running = start_collector(tmp_path, "--workers", "2", database=database, environ=environ)
    lines = session_lines(1, 3, outcome="failed", text="assert left == right")
    try:
        for line in lines:
            running.push(line)
        assert running.get("/api/v1/log").body == b"".join(lines)
        assert "left == right" in running.get("/api/v1/failures").body.decode()
        assert rows_of(database, "", "select distinct body is null, place <> '' from segment") == [(True, True)]
        logged = (tmp_path / "serve.err").read_text() + (postgres._data / "log").read_text(errors="replace")
        assert SECRET not in logged
        assert KEY not in logged
        assert rows_of(database, "", "select value from meta where name = 'segments'") == [(URL,)]
        for name, value in seaweed.environ.items():
            monkeypatch.setenv(name, value)
        assert main.run(["db", "check", "--db-url", database, "--segments", URL]) == 0
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-77aa")
        assert main.run(["db", "check", "--db-url", database, "--segments", URL]) == 3
        shown = capsys.readouterr()
        assert "403" in shown.err
        assert "wrong-secret-77aa" not in shown.err + shown.out
        seaweed.kill()
        answer = running.post("/api/v1/events", b"".join(session_lines(2, 3)))
        assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
        assert running.get("/api/v1/session-list").status == 200
        assert running.get("/api/v1/keys").status == 200
        assert rows_of(database, "", "select count(distinct stream) from segment") == [(1,)]
    finally:
        running.stop()
