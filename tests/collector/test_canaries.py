"""Keys and recorded texts are in no log, argument, error, metric or row of the audit; a purge reaches later backups."""

import subprocess

import psutil
import psycopg
import pytest
from collector_browsers import Browser, entered_browser
from collector_lines import session_lines
from collectors import everything, start_collector
from pytest_insight.cli import app as main
from pytest_insight.collector.database.backups import restore_backup, write_backup

CANARY = "canary-93c1d7"


def arguments_of_all(process):
    """Arguments of a process and all processes that it has started."""
    found = []
    for each in [process, *process.children(recursive=True)]:
        found += each.cmdline()
    return "\n".join(found)


@pytest.fixture
def watched(database, tmp_path, postgres):
    """A collector as a process; gives it, and a function for all that it and PostgreSQL have logged."""
    running = start_collector(tmp_path, database=database, start=subprocess.Popen)

    def logged():
        return (tmp_path / "serve.err").read_text() + (postgres._data / "log").read_text(errors="replace")

    yield running, logged
    running.stop()


def test_keys_and_texts_are_in_no_log_argument_error_metric_or_audit(watched, database):
    """Also of requests that fail in every way, with the key or the text in a wrong place."""
    running, logged = watched
    secret = running.key.split("_", 2)[2]
    lines = session_lines(1, 3, text=f"password={CANARY}")
    clash = session_lines(1, 3, text=f"token={CANARY}")
    running.push(b"".join(lines) + f"nonsense {CANARY}\n".encode())
    running.push(b"".join(clash))
    asked = [
        ("GET", f"/api/v1/sessions/{running.key}", None),
        ("GET", f"/api/v1/tests/history?nodeid={CANARY}", None),
        ("GET", f"/api/v1/events?key={running.key}", None),
        ("POST", "/api/v1/have", f'{{"streams": {{"{CANARY}": {{}}}}}}'.encode()),
        ("POST", "/api/v1/sessions", f'{{"session_id": "{CANARY}"'.encode()),
        ("POST", "/api/v1/keys", f'{{"owner": 7, "role": "{CANARY}"}}'.encode()),
    ]
    browser = entered_browser(running.url, running.key)
    login = browser.cookie.partition("=")[2]
    browser.get(f"/session?id={CANARY}")
    browser.get(f"/test?id={running.key}")
    for wrong in (running.key[:-1], CANARY):
        Browser(running.url).log_in(wrong, f"/?sut={CANARY}")
    for method, path, body in asked:
        running.request(method, path, body)
        running.request(method, path, body, key=running.key[:-1])
    assert CANARY not in arguments_of_all(psutil.Process(running.process.pid))
    shown = running.get("/api/v1/metrics").body + running.get("/api/v1/audit?limit=1000").body
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table conflict rename to elsewhere")
        broken = running.push(b"".join(lines)), running.post("/api/v1/events", b"".join(clash))
        connection.execute("alter table elsewhere rename to conflict")
        connection.execute("alter table session rename to elsewhere")  # a short value, which no error cuts
        unlisted = running.get(f"/api/v1/sessions?sut={CANARY}")
        connection.execute("alter table elsewhere rename to session")
        connection.execute("update segment set body = substr(body, 1, 20)")
    assert (broken[1].status, unlisted.status) == (500, 500)
    damaged = running.get("/api/v1/events")
    assert damaged.status == 500
    with pytest.raises(Exception, match=r"IncompleteRead|Remote end closed|0 bytes read"):
        running.get("/api/v1/log")
    told = b"".join(answer.body for answer in (broken[1], unlisted, damaged)).decode() + shown.decode() + logged()
    assert "problem:damaged" in told
    assert "an answer was cut off" in told
    assert CANARY not in told
    assert secret not in told
    assert login not in told
    assert secret not in arguments_of_all(psutil.Process(running.process.pid))


def test_a_backup_after_a_purge_is_without_the_text(served, database, empty, tmp_path):
    """The text is in a backup made before, and in nothing that a backup made after brings back."""
    log = tmp_path / "log.jsonl"
    before = [*session_lines(1, 3), *session_lines(2, 3, text=f"password={CANARY}")]
    log.write_bytes(b"".join(before))
    served.push(b"".join(before))
    served.push(b"".join(session_lines(2, 3, text=f"other={CANARY}")))  # in quarantine
    assert CANARY.encode() in everything(database)
    assert main.run(["log", "purge", "--regex", CANARY, "--force", str(log)]) == 0
    served.push(log.read_bytes())
    with psycopg.connect(database) as connection:
        left = connection.execute("select count(*) from conflict").fetchone()[0]
    target = tmp_path / "after.dump"
    write_backup(database, target)
    restore_backup(empty, target)
    restored = everything(empty)
    assert (left, CANARY.encode() in restored) == (0, False)
