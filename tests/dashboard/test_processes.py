"""The dashboard as a process: its port, its token, its stream, a session that runs and is killed, and its end."""

import contextlib
import http.client
import re
import signal
import socket
import subprocess
import threading

import pytest
from dashboard_pages import INSIGHT, PATIENT_S, served_dashboard, start_dashboard, wait_until
from histories import write_session
from pytest_insight.dashboard.rules import ANSWER_HEADERS

HANGING = "import time\ndef test_first(): pass\ndef test_hangs(): time.sleep(600)\ndef test_last(): pass\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return a log with one session, which grows in these tests."""
    path = tmp_path_factory.mktemp("served") / "log.jsonl"
    path.write_bytes(write_session("first", 0, [("a.py::test_x", "passed")]))
    return path


@pytest.fixture(scope="module")
def served(log):
    """Return a dashboard without a token."""
    with served_dashboard(str(log), "--no-token") as found:
        yield found


class Listener:
    """Reads the stream of changes in a thread.

    Args:
        site: address of the dashboard.
    """

    def __init__(self, site: str) -> None:
        self.connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=PATIENT_S)
        self.connection.request("GET", "/events")
        self.answer = self.connection.getresponse()
        self.lines: list[str] = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """End listening, if the other side has not."""
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENT_S)
        self.answer.close()
        self.connection.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):  # closed by the test
            for line in self.answer:
                self.lines.append(line.decode().rstrip())
        self.lines.append("END")

    def positions(self) -> list[str]:
        """Return the positions so far."""
        return [line.removeprefix("data: ") for line in list(self.lines) if line.startswith("data: ")]


def test_the_stream_tells_each_position_and_a_new_session_is_on_the_page(served, log):
    """An event names the position of the log; after an append there is another one, and the pages have the session."""
    listener = Listener(served.site)
    assert listener.answer.headers["content-type"].startswith("text/event-stream")
    wait_until(lambda: any(position.startswith(f"{log.stat().st_size}.") for position in listener.positions()))
    with log.open("ab") as stream:
        stream.write(write_session("second", 1, [("a.py::test_x", "failed")]))
    wait_until(lambda: any(position.startswith(f"{log.stat().st_size}.") for position in listener.positions()))
    position = listener.positions()[-1]
    assert f"id: {position}" in listener.lines
    assert "event: rev" in listener.lines
    wait_until(lambda: "second" in served.get("/sessions"))
    listener.close()


def test_a_session_that_runs_is_shown_and_turns_to_killed(served, log, tmp_path):
    """A running session has its tests on the page before it ended; after kill -9 it is called killed, as the command says."""
    (tmp_path / "test_hanging.py").write_text(HANGING)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--insight-log", str(log), "test_hanging.py"]
    recorded = subprocess.Popen(
        [INSIGHT[0], *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: "test_hangs" in served.get("/").partition("Running now:")[2].partition("</section>")[0])
        page = served.get("/")
        assert re.search(r'<b class="state-running">running</b> session', page)
        assert "1 of 3 tests done" in page
        recorded.kill()
        recorded.wait(PATIENT_S)
        wait_until(lambda: '<b class="state-killed">killed</b> session' in served.get("/"))
        wait_until(lambda: "was killed after 1 of 3 tests" in served.get("/"))
        assert ": killed</h1>" in served.get("/session?id=last")
    finally:
        recorded.kill()
        recorded.wait(PATIENT_S)


def test_what_is_no_request_is_answered_with_all_headers(served):
    """Bytes that are no HTTP, and a request without a host, have the headers of every answer."""
    host, port = served.site.removeprefix("http://").split(":")
    for sent in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=PATIENT_S) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 400")
        for name, value in ANSWER_HEADERS:
            assert name + b": " + value.lower() in head, (sent, name)


def test_a_port_in_use_is_named(served):
    """The error names address, reason and what to do; the exit code is that of an environment that cannot be used."""
    port = served.site.rpartition(":")[2]
    told = subprocess.run([*INSIGHT, "dashboard", "--port", port], capture_output=True, text=True)
    assert told.returncode == 3
    assert (
        f"insight: 127.0.0.1:{port}: another program listens there; give another --port, or 0 for a free one\n"
        in told.stderr
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_well_with_open_streams(log, number):
    """Ctrl-C and SIGTERM end it with 0 while pages listen; the listeners see the end, and nothing is complained about."""
    served = start_dashboard(str(log), "--no-token")
    listeners = [Listener(served.site) for _ in range(3)]
    wait_until(lambda: all(listener.positions() for listener in listeners))
    served.process.send_signal(number)
    assert served.process.wait(PATIENT_S) == 0
    assert served.process.stdout.read() == ""
    served.process.stdout.close()
    for listener in listeners:
        listener.thread.join(PATIENT_S)
        assert listener.lines[-1] == "END"
        listener.close()


def test_the_printed_address_opens_once_and_the_next_one_is_printed(log):
    """The token sets a cookie that opens the pages; the terminal then has an address for another browser."""
    with served_dashboard(str(log)) as served:
        connection = http.client.HTTPConnection(served.site.removeprefix("http://"), timeout=PATIENT_S)

        def ask(path, **headers):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer

        path = served.address.removeprefix(served.site)
        assert ask("/").status == 403
        opened = ask(path)
        assert (opened.status, opened.headers["location"]) == (303, "/")
        assert ask(path).status == 403
        assert ask("/", Cookie=opened.headers["set-cookie"].partition(";")[0]).status == 200
        again = re.fullmatch(r"for another browser: (http\S+)\n", served.process.stdout.readline())[1]
        assert ask(again.removeprefix(served.site)).status == 303
        served.process.stdout.readline()
        connection.close()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--host", "192.168.1.2"],
            2,
            "--host 192.168.1.2: the dashboard is for this machine alone; use 127.0.0.1 or ::1",
        ),
        (["a.jsonl", "b.jsonl"], 2, "b.jsonl: one log can be followed; make one of several with `insight merge`"),
        (["-"], 2, "one log can be followed"),
        (["nowhere/log.jsonl"], 3, "nowhere/log.jsonl: no such log"),
    ],
)
def test_wrong_words_are_refused_with_what_to_do(words, code, message, tmp_path, monkeypatch, capsys):
    """Other hosts, several logs, a folder that is not there: exit code and sentence."""
    from pytest_insight.cli.app import run

    monkeypatch.chdir(tmp_path)
    assert run(["dashboard", *words]) == code
    assert message in capsys.readouterr().err


def test_without_its_libraries_the_command_says_what_to_install(monkeypatch, capsys):
    """Where Starlette is not installed, the message has the command that installs it."""
    import sys

    from pytest_insight.cli.app import run

    monkeypatch.delitem(sys.modules, "pytest_insight.dashboard.running", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["dashboard"]) == 2
    assert "pip install 'pytest-insight[dashboard]'" in capsys.readouterr().err
