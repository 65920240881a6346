"""`insight sync-storage status`, `install` and `stop`, as they are typed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
import warm
from pytest_insight.cli.shapes.table import OUTPUTS
from pytest_insight.syncstorage import shim

COMMAND = [sys.executable, "-m", "pytest_insight.cli", "sync-storage"]


def insight(*arguments, **options):
    """Run a command to its end."""
    return warm.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def shaped(command, printed):
    """Return a JSON document that has the shape that `insight schema` says."""
    msgspec.json.decode(printed, type=OUTPUTS[f"sync-storage {command}"].shape)
    return json.loads(printed)


@pytest.fixture
def busy(service):
    """A service with a worker that says what it runs, one that is done, and a held result."""
    service.register("w-1", worker="gw0", sessionId="s-1", host="there", osPid=77)
    service.post("/keep_alive", pid="w-1", testRunId="run", running="test_a.py::test_slow")
    service.status("w-1", "in_progress")
    service.register("w-2")
    service.status("w-2", "completed")
    service.cut("held-test")
    return service


def test_status_shows_who_works_on_what(busy):
    """People see names, statuses and the test at hand; programs get the same in JSON."""
    shown = insight("status", "--port", busy.port)
    assert shown.returncode == 0, shown.stderr
    for word in ("test run run: open", "held-test", "gw0 on there", "in_progress", "test_a.py::test_slow", "master"):
        assert word in shown.stdout
    found = shaped("status", insight("status", "--port", busy.port, "--json").stdout)
    [run] = found["runs"]
    first, second = run["workers"]
    assert (found["running"], run["status"], run["published"], run["master"]) == (True, "open", True, "w-1")
    assert (first["running"], first["session_id"], first["sends_keep_alive"]) == ("test_a.py::test_slow", "s-1", True)
    assert first["os_pid"] == 77  # what a client says of itself; one process may speak for several
    assert first["last_seen_s"] < 60
    assert (second["status"], second["is_master"]) == ("completed", False)


def test_status_of_a_service_that_is_gone_is_read_from_its_journal(busy):
    """What was written is shown; who was heard of when, nobody knows any more; the exit code is 1."""
    busy.kill()
    shown = insight("status", "--port", busy.port)
    assert shown.returncode == 1
    assert "is not running" in shown.stdout
    assert "gw0 on there" in shown.stdout
    found = shaped("status", insight("status", "--port", busy.port, "--json", "--run", "run").stdout)
    assert (found["running"], found["stopped"], found["damaged"]) == (False, "", 0)
    assert found["runs"][0]["cuts"][0]["external_id"] == "held-test"
    assert "last_seen_s" not in found["runs"][0]["workers"][0]
    assert json.loads(insight("status", "--port", busy.port, "--json", "--run", "other").stdout)["runs"] == []


def test_status_follows_changes(busy, eventually):
    """With -f each change is a line of JSON, until the end; silence is none."""
    command = [*COMMAND, "status", "-f", "--json", "--port", str(busy.port)]
    with warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        first = json.loads(following.stdout.readline())
        assert first["runs"][0]["workers"][0]["status"] == "in_progress"
        busy.status("w-1", "completed")
        second = json.loads(following.stdout.readline())
        assert second["runs"][0]["workers"][0]["status"] == "completed"
        following.send_signal(signal.SIGINT)
        following.wait(300)


def test_status_and_stop_say_when_there_is_nothing(make_service):
    """Nothing on the port and nothing recorded: one line, exit code 1."""
    port = make_service().port
    for name in ("status", "stop"):
        answer = insight(name, "--port", port)
        assert answer.returncode == 1
        assert answer.stderr.startswith("insight: port ")
        assert answer.stderr.count("\n") == 1


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"service":"another"}')

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *args):
        """Say nothing."""


def test_a_stranger_on_the_port_is_left_alone():
    """Something that is not our service is neither shown nor ended."""
    with HTTPServer(("127.0.0.1", 0), _Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        for name in ("status", "stop"):
            answer = insight(name, "--port", stranger.server_address[1])
            assert (answer.returncode, "another program listens there" in answer.stderr) == (1, True)
        stranger.shutdown()


def test_something_silent_on_the_port_does_not_hang_the_command(monkeypatch):
    """A port that accepts and never answers is given up after a time."""
    from pytest_insight.syncstorage import inquiry

    monkeypatch.setattr(inquiry, "TIMEOUT_S", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(inquiry.NoServiceError, match="another program"),
    ):
        inquiry.report(silent.getsockname()[1])


def test_stop_ends_the_service_and_keeps_what_is_open(busy):
    """The command returns when the port is free; started again, the test run goes on."""
    stopped = insight("stop", "--port", busy.port, "--json")
    assert stopped.returncode == 0, stopped.stderr
    assert shaped("stop", stopped.stdout) == {"port": busy.port, "running": False}
    assert busy.end() == 0
    busy.start()
    assert busy.worker("w-1")["status"] == "in_progress"


def test_install_writes_what_the_installed_client_asks_for(tmp_path):
    """The name has the version that the client pins; a second time nothing changes; JSON says what was done."""
    from testit_python_commons.services.sync_storage.sync_storage_runner import SyncStorageRunner

    asked = SyncStorageRunner("run", "1")._get_file_name_by_arch_and_os()
    first = json.loads(insight("install", "--json", cwd=tmp_path).stdout)
    assert first == {
        "path": str(tmp_path / "build" / ".caches" / asked),
        "version": SyncStorageRunner.SYNC_STORAGE_VERSION,
        "action": "written",
    }
    assert "unchanged" in insight("install", "--dir", tmp_path).stdout


def test_install_replaces_its_own_and_never_a_real_program(tmp_path):
    """A script of an older installation is replaced, a program, a link and a folder are refused with exit code 1."""
    path = shim.shim_path(tmp_path, "v1")
    shim.install(tmp_path, "v1", python="/somewhere/else/python")
    path.chmod(0o644)
    assert shim.install(tmp_path, "v1").action == "replaced"
    assert os.access(path, os.X_OK)
    path.write_bytes(b"\x7fELF\0\0real")
    refused = insight("install", "--dir", tmp_path, "--client-version", "v1")
    assert refused.returncode == 1
    assert "real program" in refused.stderr
    assert path.read_bytes() == b"\x7fELF\0\0real"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(shim.NotInstallableError):
        shim.install(tmp_path, "v1")
    path.unlink()
    path.mkdir()
    with pytest.raises(shim.NotInstallableError):
        shim.install(tmp_path, "v1")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_install_without_a_client_or_with_an_odd_version_says_what_to_do(tmp_path, monkeypatch):
    """No client, a client without a pinned version, a version that is no file name."""
    for version in ("../v1", " ", "a\0b"):
        with pytest.raises(shim.NotInstallableError, match="is not a version"):
            shim.install(tmp_path, version)
    monkeypatch.setattr(shim, "CLIENT", "no_such_client")
    with pytest.raises(shim.NotInstallableError, match="--client-version"):
        shim.install(tmp_path)
    package = tmp_path / "odd_client" / "services" / "sync_storage"
    package.mkdir(parents=True)
    (tmp_path / "odd_client" / "__init__.py").touch()
    (package / "sync_storage_runner.py").write_text("SYNC_STORAGE_VERSION = None or 'v1'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(shim, "CLIENT", "odd_client")
    with pytest.raises(shim.NotInstallableError, match="asks for no version"):
        shim.install(tmp_path)


@pytest.mark.parametrize("token", ["plain", "with space", "$(touch owned)", "'quoted\"", "--dashes", ""])
def test_the_shim_hands_arguments_over_as_they_are(tmp_path, token):
    """Every argument but the token arrives, in order, whatever is in it; the token arrives in the environment."""
    python = tmp_path / "a python's"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$TMS_PRIVATE_TOKEN" "$@"\n')
    python.chmod(0o755)
    installed = shim.install(tmp_path, "v1", python=str(python))
    odd = ["--testRunId", "a b*$(x)", "--baseURL=http://x/?a&b", "--empty", ""]
    for given in (["--privateToken", token], [f"--privateToken={token}"]):
        shown = subprocess.run([installed.path, *odd, *given, "--port", "1"], capture_output=True, text=True, cwd="/")
        assert shown.stdout.split("\n")[:-1] == [
            token,
            "-m",
            "pytest_insight.cli",
            "sync-storage",
            "serve",
            *odd,
            "--port",
            "1",
        ]
    assert not (tmp_path / "owned").exists()


def test_help_has_an_example_for_each_command():
    """Each of the four says what it does, and how it is typed."""
    for name in ("serve", "status", "install", "stop"):
        assert f"Example: insight sync-storage {name}" in insight(name, "--help").stdout
