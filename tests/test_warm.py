"""A fork of the warm process is what a process started anew is: the same answers to the same questions."""

import json
import os
import resource
import signal
import subprocess
import sys

import pytest
import warm

ASKS = """
import json, os, resource, signal, sys, time, warnings
def test_it():
    facts = {
        "argv": sys.argv[1:], "path": sys.path[0] == os.getcwd(), "cwd": os.getcwd(), "parent": os.getppid(),
        "session": os.getsid(0) == os.getpid(), "umask": os.umask(0), "zone": time.tzname,
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "encodings": [(stream.encoding, stream.errors) for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__)],
        "streams": [os.isatty(number) for number in range(3)], "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
        "signals": [str(signal.getsignal(name)) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "input": sys.__stdin__.read(), "main": sys.modules["__main__"].__file__,
    }
    with open("facts.json", "w") as out:
        json.dump(facts, out)
"""


def run_both(tmp_path, args, **options):
    """Run pytest as a process started anew and as a fork; return the result and the facts of each."""
    (tmp_path / "test_it.py").write_text(ASKS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    both = []
    for start in (subprocess.run, warm.run, warm.run):
        done = start(command, cwd=tmp_path, capture_output=True, text=True, **options)
        facts = json.loads((tmp_path / "facts.json").read_text()) if done.returncode == 0 else None
        (tmp_path / "facts.json").unlink(missing_ok=True)
        words = [line.partition(" in ")[0] for line in done.stdout.splitlines()]
        both.append((done.returncode, words, done.stderr, facts))
    return both[0], both[2]  # the second is the first of its kind, which is started as usual


ENDS = """
import atexit, sys, threading
def wait_for_end():
    threading.main_thread().join()
    print("a thread of its own")
def test_ends():
    atexit.register(print, "at the end")
    atexit.register(sys.stdout.write, "not flushed")
    threading.Thread(target=wait_for_end).start()
    assert 0
"""


@pytest.mark.parametrize("options", [[], ["-n1"]], ids=["serial", "xdist"])
def test_a_fork_ends_as_a_process_started_anew_does(tmp_path, options):
    """It waits for its threads, calls what is registered for the end, and writes what is not written yet."""
    (tmp_path / "test_it.py").write_text(ENDS)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *options]
    ends = []
    for start in (subprocess.run, warm.run, warm.run):
        done = start(command, cwd=tmp_path, capture_output=True, text=True)
        ends.append((done.returncode, done.stdout.partition(" in ")[2].partition("\n")[2], done.stderr))
    assert ends[2] == ends[0]
    assert ends[0][0] == 1
    if not options:
        assert ends[0][1] == "a thread of its own\nnot flushedat the end\n"


@pytest.mark.parametrize(
    "more", [{}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=["", "C"]
)
def test_a_fork_is_what_a_process_started_anew_is(tmp_path, more):
    """Arguments, folder, environment, parent, streams, signals, limits and the zone."""
    env = os.environ | {"TZ": "Asia/Tokyo", "ONLY_HERE": "é"} | more
    before = os.umask(0o027)
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        started, forked = run_both(tmp_path, ["-s"], env=env, input="typed\n")
    finally:
        os.umask(before)
        signal.signal(signal.SIGINT, ignored)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert started[0] == 0, started
    assert forked == started
    assert forked[3]["parent"] == os.getpid()


@pytest.mark.parametrize("args", [["--no-such-option"], ["-k", "nothing"], ["no_such_file.py"]])
def test_exit_codes_and_messages_are_the_same(tmp_path, args):
    """What a run says when it fails, and its exit code."""
    started, forked = run_both(tmp_path, args, stdin=subprocess.DEVNULL)
    assert started[0] in (4, 5)
    assert forked == started


def test_a_fork_can_be_killed_and_waited_for(tmp_path):
    """Its process id is its own, its exit says which signal ended it, and nothing is left of it."""
    command = [sys.executable, "-m", "pytest_insight.cli", "tail", "-f", str(tmp_path / "later.jsonl")]
    for number in (signal.SIGKILL, signal.SIGTERM):
        for _ in range(2):
            process = warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert process.poll() is None
            process.send_signal(number)
            process.communicate(timeout=300)
            assert process.returncode == -number
            with pytest.raises(ProcessLookupError):
                os.kill(process.pid, 0)


def test_what_takes_too_long_is_ended(tmp_path):
    """As `subprocess.run` does."""
    command = [sys.executable, "-m", "pytest_insight.cli", "tail", "-f", str(tmp_path / "later.jsonl")]
    for _ in range(2):
        with pytest.raises(subprocess.TimeoutExpired):
            warm.run(command, capture_output=True, timeout=1)
