"""Requests of web pages and odd paths; a service that nobody needs, or whose folder is gone, ends."""

import json
import shutil
import socket

import pytest
from pytest_insight.cli.app import run
from pytest_insight.syncstorage.paths import journal_path
from pytest_insight.syncstorage.service.http.guard import why_refused


def free_port():
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


HOST = (b"host", b"localhost:49152")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"accept", b"*/*")],
        [HOST, (b"referer", b"https://evil.example/page")],
        [HOST, (b"referer", b"http://localhost.evil.example/")],
        [HOST, (b"referer", b"http://127.0.0.1@evil.example/")],
        [HOST, (b"referer", b"file:///etc/passwd")],
        [HOST, (b"origin", b"http://localhost:49152")],
        [(b"host", b"evil.example")],
        [(b"host", b"")],
    ],
)
def test_requests_of_web_pages_and_requests_without_host_are_refused(headers):
    """Each of them has a reason."""
    assert why_refused(headers)


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"[::1]:80")],
        [HOST, (b"referer", b"http://localhost:49152/status")],
        [HOST, (b"sec-fetch-site", b"none")],
    ],
)
def test_requests_of_programs_on_this_machine_are_let_through(headers):
    """None of them has a reason."""
    assert why_refused(headers) == ""


def test_a_request_without_host_gets_403_from_a_real_service(make_service):
    """HTTP/1.0 allows it; the answer is JSON."""
    service = make_service().start()
    with socket.create_connection(("127.0.0.1", service.port)) as peer:
        peer.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    assert b" 403 " in answer.split(b"\r\n")[0]
    assert "Host" in json.loads(answer.split(b"\r\n\r\n")[1])["message"]


@pytest.mark.parametrize("path", ["/health/", "/status/", "/register/", "/nothing", "//"])
def test_an_unknown_path_is_404_with_json(make_service, talk, path):
    """A trailing slash is another path, not a redirection."""
    connection = make_service().start().connect()
    answer = talk(connection, "GET", path)
    connection.close()
    assert answer.status == 404
    assert answer.json["status"] == "error"


def test_a_service_whose_folder_is_gone_ends(make_service, eventually):
    """Nothing it is told can be kept any more; the idle limit of hours does not matter."""
    service = make_service().start("--idle-exit", "3600")
    shutil.rmtree(journal_path(service.port).parent)
    eventually(lambda: service.process.poll() is not None)


def test_a_monitor_that_asks_for_health_does_not_keep_an_idle_service_alive(make_service, talk, eventually):
    """Polling /health and /status on a connection that stays open is no use of the service."""
    service = make_service().start("--idle-exit", "1", "--quiet", "0.1")
    connection = service.connect()

    def has_ended():
        try:
            for path in ("/health", "/status"):
                talk(connection, "GET", path)
        except OSError:
            return True
        return service.process.poll() is not None

    eventually(has_ended)
    connection.close()


def test_status_as_json_is_json_also_without_a_service(capsys):
    """Nothing ever ran there: exit code 1 and an object that says so."""
    assert run(["sync-storage", "status", "--port", str(free_port()), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["running"], found["runs"]) == (False, [])
    assert "no service" in found["error"]


def test_status_as_json_is_json_where_something_else_listens(capsys):
    """A program that says nothing of ours has the port: exit code 1 and an object that says so."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.listen()
        import threading

        def answer():
            peer, _ = other.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

        threading.Thread(target=answer, daemon=True).start()
        assert run(["sync-storage", "status", "--port", str(port), "--json"]) == 1
    assert "another program listens there" in json.loads(capsys.readouterr().out)["error"]


BROKEN = {
    "notes": lambda path: path.write_text("my notes\n"),
    "bytes": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "nothing in it": lambda path: path.write_bytes(b""),
    "a newer format": lambda path: path.write_text('{"v":99,"type":"x"}\n'),
    "a link to itself": lambda path: path.symlink_to(path),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("following", [(), ("-f",)])
@pytest.mark.parametrize("name", BROKEN)
def test_status_as_json_is_json_whatever_the_journal_is(home, capsys, monkeypatch, name, following):
    """The exit code says that no service runs, or that the journal cannot be read."""
    port = free_port()
    path = journal_path(port)
    path.parent.mkdir(parents=True)
    BROKEN[name](path)
    monkeypatch.setattr("pytest_insight.cli.commands.sync_storage.app.time.sleep", interrupt)
    code = run(["sync-storage", "status", "--port", str(port), "--json", *following])
    found = json.loads(capsys.readouterr().out)
    assert (found["running"], found["runs"], found["port"]) == (False, [], port)
    assert ("error" in found) == (name in ("a folder", "a link to itself"))
    if not following:
        assert code == (3 if name == "a folder" else 1)


def interrupt(_):
    """Do as Ctrl-C does."""
    raise KeyboardInterrupt
