"""Whatever happens to the recorder, a run ends as it would have ended without it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import warm

PASS_FAIL = "def test_one(): pass\ndef test_two(): assert 0\n"

HOSTILE = {
    "closes every descriptor": """
import os
def test_close():
    for fd in range(3, 100):
        try: os.close(fd)
        except OSError: pass
def test_after(): pass
""",
    "opens a file of its own on our descriptor": """
import os, pathlib
def test_reuse(tmp_path_factory):
    for fd in range(3, 60):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").endswith("log.jsonl"):
                os.close(fd)
                break
        except OSError: pass
    mine = os.open("users-file.txt", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.write(mine, b"mine\\n")
def test_after(): pass
""",
    "mocks open and os.write": """
import builtins, os
from unittest import mock
def test_mock():
    mock.patch("builtins.open", side_effect=RuntimeError).start()
    mock.patch("os.write", side_effect=RuntimeError).start()
    mock.patch("os.fstat", side_effect=RuntimeError).start()
    mock.patch("time.time", return_value=0).start()
def test_after(): mock.patch.stopall()
""",
    "changes directory, umask and environment": """
import os
def test_wild(tmp_path):
    os.chdir(tmp_path); os.umask(0); os.environ.clear()
def test_after(): pass
""",
    "forks": """
import os
def test_fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
def test_after(): pass
""",
    "forks and goes on in the child": """
import os, sys
def test_fork():
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
def test_after(): pass
""",
    "deletes the log": """
import os
def test_delete():
    if os.path.exists("log.jsonl"): os.unlink("log.jsonl")
def test_after(): pass
""",
    "damages the log": """
def test_damage():
    with open("log.jsonl", "ab") as log: log.write(b'{"v":1,"type":"te')
def test_after(): pass
""",
    "raises in __repr__ and __str__": """
class Bad(Exception):
    def __repr__(self): raise ValueError("repr")
    __str__ = __repr__
def test_bad(record_property):
    record_property("odd", {1: object(), "deep": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]})
    raise Bad()
def test_after(): pass
""",
    "prints what no encoding knows": """
import sys
def test_print():
    print("\\x00\\x1b[2J\\u2028\\x85 \\r end")
    assert "\\udc80" == "\\ud800"
def test_after(): pass
""",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tests_end_as_without_the_recorder(suite, run, name):
    """Exit code and counts are the same, the tests after it are recorded, and files of the user are untouched."""
    project = suite(test_hostile=HOSTILE[name])
    bare = run(sys.executable, insight=False)
    users = project / "users-file.txt"
    before = users.read_bytes() if users.exists() else None
    if before is not None:
        users.unlink()
    recorded = run(sys.executable)
    assert recorded.exit_code == bare.exit_code
    assert recorded.counts == bare.counts
    if before is not None:
        assert users.read_bytes() == before
    # A fragment of the tested code may be in front of one of ours: what counts begins at the last head in a line.
    lines = [line[max(line.rfind(b'{"v":'), 0) :] for line in recorded.log.read_bytes().split(b"\n")]
    whole = [json.loads(line) for line in lines if line.endswith(b'"}')]
    assert "test_after" in {
        str(event.get("nodeid")).rpartition("::")[2] for event in whole if event["type"] == "test.finished"
    }


FAKED = """
import time
import {module}
def test_faked():
    with {call}("2012-01-14"):
        time.time()
        assert time.gmtime().tm_year == 2012
@{call}("2050-01-14")
def test_decorated(): assert time.gmtime().tm_year == 2050
"""


@pytest.mark.parametrize(
    ("module", "call"), [("freezegun", "freezegun.freeze_time"), ("time_machine", "time_machine.travel")]
)
def test_faked_clocks_do_not_reach_the_log(suite, run, module, call):
    """Times in the log are real under freezegun and time-machine, even for a test that runs wholly under a fake."""
    suite(
        conftest=f"import {module}, pytest\n@pytest.fixture(autouse=True)\ndef faked():\n    with {call}('1999-01-01'):\n        yield\n",
        test_time=FAKED.format(module=module, call=call),
    )
    recorded = run(sys.executable)
    assert recorded.exit_code == 0
    now = recorded.log.stat().st_mtime
    import datetime as real

    for event in recorded.events:
        for key in ("at", "started_at"):
            if event.get(key):
                assert abs(real.datetime.fromisoformat(event[key]).timestamp() - now) < 60


def outside(**environment: str) -> dict[str, str]:
    """The environment of a run that no test started."""
    return {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    } | environment


def pytest_at(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess:
    """Run pytest with --insight in a folder, in an environment of its own."""
    env = outside(**environment)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--insight", *args]
    return warm.run(command, cwd=folder, capture_output=True, text=True, env=env, timeout=300)


UNUSABLE = {
    "home is a file": lambda folder: (folder / "home").write_text("a file"),
    "log is a folder": lambda folder: (folder / "home" / "default.jsonl").mkdir(parents=True),
    "log is a FIFO": lambda folder: ((folder / "home").mkdir(), os.mkfifo(folder / "home" / "default.jsonl")),
    "log is a link": lambda folder: (
        (folder / "home").mkdir(),
        (folder / "victim").write_text("keep me"),
        (folder / "home" / "default.jsonl").symlink_to(folder / "victim"),
    ),
    "log is of a newer format": lambda folder: (
        (folder / "home").mkdir(),
        (folder / "home" / "default.jsonl").write_text('{"v":2,"type":"x"}\n'),
    ),
    "profiles.json is broken": lambda folder: (
        (folder / "home").mkdir(),
        (folder / "home" / "profiles.json").write_text("{"),
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_log_that_cannot_be_used_costs_one_line(tmp_path, name):
    """Exit code and results stay; one line says what is wrong; nothing that was there is changed."""
    UNUSABLE[name](tmp_path)
    (tmp_path / "test_a.py").write_text(PASS_FAIL)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = pytest_at(tmp_path, PYTEST_INSIGHT_HOME=str(tmp_path / "home"))
    assert result.returncode == 1
    assert "1 failed, 1 passed" in result.stdout
    said = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("insight: ")]
    assert len(said) == 1, result.stdout
    assert "nothing was recorded" in said[0]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_costs_one_line_with_the_number_of_lost_events(tmp_path):
    """With a limit on file size instead of a full disk: same exit code and counts, and one line with a number."""
    (tmp_path / "test_a.py").write_text(
        "import pytest\n@pytest.mark.parametrize('i', range(60))\ndef test_x(i): assert i != 7\n"
    )
    code = (
        "import resource, sys, pytest\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', '--insight']))\n"
    )
    env = outside(PYTEST_INSIGHT_HOME=str(tmp_path / "home"), PYTHONDONTWRITEBYTECODE="1")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=env, timeout=300
    )
    assert result.returncode == 1
    assert "1 failed, 59 passed" in result.stdout
    said = [
        line
        for line in (result.stdout + result.stderr).splitlines()
        if line.startswith("insight: ") and "could not" in line
    ]
    assert len(said) == 1, result.stdout
    assert "events could not be recorded" in said[0]


def test_log_and_home_are_private_whatever_the_umask(tmp_path):
    """0700 and 0600, also under umask 0."""
    (tmp_path / "test_a.py").write_text("def test_a(): pass\n")
    home = tmp_path / "home"
    env = outside(PYTEST_INSIGHT_HOME=str(home))
    command = f"umask 0; exec {sys.executable} -m pytest -p no:cacheprovider --insight -q"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path, env=env, capture_output=True).returncode == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "default.jsonl").stat().st_mode) == 0o600


def test_nested_runs_record_nothing_by_themselves(tmp_path):
    """A pytest that a test starts, in its own process or in another, does not write into the user's profile."""
    (tmp_path / "test_outer.py").write_text(
        "import subprocess, sys, pytest\n"
        "def test_in_process(tmp_path):\n"
        "    (tmp_path / 'test_in.py').write_text('def test_in(): pass')\n"
        "    assert pytest.main(['-p', 'no:cacheprovider', '--insight', str(tmp_path)]) == 0\n"
        "def test_subprocess(tmp_path):\n"
        "    (tmp_path / 'test_in.py').write_text('def test_in(): pass')\n"
        "    subprocess.run([sys.executable, '-m', 'pytest', '--insight', str(tmp_path)], check=True)\n"
    )
    home = tmp_path / "home"
    assert pytest_at(tmp_path, PYTEST_INSIGHT_HOME=str(home)).returncode == 0
    events = [json.loads(line) for line in (home / "default.jsonl").read_bytes().split(b"\n")[:-1]]
    assert [event["type"] for event in events].count("session.started") == 1
    assert len([event for event in events if event["type"] == "test.finished"]) == 2


SECRETS = {
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "hunter2hunter2",
    "canary-by-own-pattern",
}


def test_no_secret_reaches_the_log(tmp_path):
    """Secrets in output, tracebacks, arguments, properties, tags, warnings, environment and remotes are redacted."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    remote = "https://me:hunter2hunter2@git.example/own/project.git"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\ninsight_redact = canary-[a-z-]+\ninsight_env =\n    MY_*\n")
    (tmp_path / "test_a.py").write_text(
        "import warnings, logging, pytest\n"
        "def test_a(record_property):\n"
        "    print('key AKIAABCDEFGHIJKLMNOP'); logging.getLogger().warning('password=hunter2hunter2')\n"
        "    record_property('token', 'hunter2' * 2)\n"
        "    warnings.warn('canary-by-own-pattern')\n"
        "    secret = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'\n"
        "    assert secret == 'canary-by-own-pattern'\n"
        "@pytest.mark.skip(reason='token: hunter2hunter2')\n"
        "def test_b(): pass\n"
    )
    args = ["--insight-tag", "password=hunter2hunter2", "--insight-output", "all", "-rA"]
    home = tmp_path / "home"
    result = pytest_at(tmp_path, *args, PYTEST_INSIGHT_HOME=str(home), MY_TOKEN="hunter2hunter2", OTHER="x-other-x")
    assert result.returncode == 1
    text = (home / "default.jsonl").read_text()
    assert {secret for secret in SECRETS if secret in text} == set()
    assert "x-other-x" not in text
    assert text.count("[redacted]") >= 8
    header = json.loads(text.split("\n")[0])
    assert header["sut"] == "own/project"
    assert header["env"] == {"MY_TOKEN": "[redacted]"}


def test_strict_fails_a_run_that_lost_tests(tmp_path):
    """--insight-strict turns exit 0 into 1 when an announced test has no verdict, and names it."""
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol(item):\n"
        "    return True if item.name == 'test_lost' else None\n"
    )
    (tmp_path / "test_a.py").write_text("def test_kept(): pass\ndef test_lost(): pass\n")
    home = str(tmp_path / "home")
    assert pytest_at(tmp_path, PYTEST_INSIGHT_HOME=home).returncode == 0
    strict = pytest_at(tmp_path, "--insight-strict", PYTEST_INSIGHT_HOME=home)
    assert strict.returncode == 1
    assert "1 of 2 announced tests have no verdict" in strict.stdout
    assert "test_a.py::test_lost" in strict.stdout


def test_nothing_heavy_is_imported_without_the_option(tmp_path):
    """A run without --insight imports the options of the plugin and nothing else of it, nor msgspec."""
    (tmp_path / "test_a.py").write_text(
        "import sys\ndef test_a():\n"
        "    ours = {name for name in sys.modules if name.startswith('pytest_insight')}\n"
        "    assert ours <= {'pytest_insight', 'pytest_insight.plugin', 'pytest_insight.plugin.options'}, ours\n"
        "    assert not {'msgspec', 'rich.console', 'typer', 'watchfiles', 'sqlite3'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for plugin in ("xdist", "rerunfailures", "timeout", "time_machine", "hypothesispytest", "pyfakefs", "json-report"):
        command += ["-p", f"no:{plugin}"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout
