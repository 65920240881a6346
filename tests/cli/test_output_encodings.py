"""Output that its stream cannot carry is escaped; a reader that has gone is no error; no control character gets out."""

import json
import os
import re
import subprocess
import sys

import pytest
import warm
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ODD = "t.py::test[é \u2603 \U0001f600 \x9b31m \x7f]"
QUESTIONS = [
    ["session", "list"],
    ["session", "show", "last", "--output"],
    ["session", "play", "last"],
    ["history", "list"],
    ["test", "list"],
    ["test", "show", ODD],
    ["test", "history", ODD],
    ["test", "trends", ODD],
    ["sut", "list"],
    ["sut", "show", "caf\u00e9"],
    ["analytics", "summary"],
    ["analytics", "failures"],
    ["analytics", "analyze"],
    ["sql", "SELECT * FROM failures"],
    ["tail"],
    ["log", "verify"],
    ["log", "info"],
]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Three sessions whose names and texts hold letters, symbols and control characters of all planes."""
    path = tmp_path_factory.mktemp("odd") / "w.jsonl"
    for number in range(3):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=f"s{number}", sut="caf\u00e9", tags={"\u2603": "\x9b1m"}))
        writer.append(TestStarted(nodeid=ODD))
        outcome = ("passed", "failed", "failed")[number]
        failing = {"call": "failed"} if outcome == "failed" else {}
        text = "E  assert 'é' == '\u2603\x9b\x7f'" if failing else ""
        event = TestFinished(nodeid=ODD, outcome=outcome, phases={"call": 9}, phase_outcomes=failing, longreprtext=text)
        writer.append(event)
        writer.seal(lambda count, root: SessionFinished(exit_status=1, count=count, root=root))
        writer.close()
    return path


def insight(log, words, **env):
    """A command on the log, in a process of its own; output as bytes."""
    argument = [str(log)] if words[0] in ("tail", "log") else ["--log", str(log)]
    command = [sys.executable, "-m", "pytest_insight.cli", *words, *argument]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return warm.run(command, capture_output=True, env=environment | env)


POSIX = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
@pytest.mark.parametrize(
    ("encoding", "env"), [("ascii", POSIX), ("latin-1", {"PYTHONIOENCODING": "latin-1"})], ids=["posix", "latin-1"]
)
def test_every_question_is_answered_where_the_output_is_not_utf8(log, words, encoding, env):
    """The exit code is that of a UTF-8 terminal, and what was printed can be decoded."""
    if not all(word.isascii() for word in words):
        env = env | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}  # arguments arrive as the user typed them
    usual = insight(log, words, PYTHONUTF8="1")
    result = insight(log, words, **env)
    assert result.returncode == usual.returncode, result.stderr
    assert usual.returncode in (0, 1)
    assert not CONTROLS.search(result.stdout.decode(encoding))
    assert len(result.stdout.splitlines()) == len(usual.stdout.splitlines())


@pytest.mark.parametrize(
    "words", [["session", "show", "last"], ["test", "list"], ["tail"], ["sql", "SELECT * FROM tests"]]
)
def test_json_holds_no_control_character_and_the_same_values(log, words):
    """DEL and C1 stand as escapes in JSON; a parser gives the characters back."""
    out = insight(log, [*words, "--json"], PYTHONUTF8="1").stdout.decode()
    assert not CONTROLS.search(out)
    values = [json.loads(line) for line in out.splitlines()] if words == ["tail"] else json.loads(out)
    assert ODD in json.dumps(values, ensure_ascii=False).replace("\\u007f", "\x7f")


@pytest.mark.parametrize("command", ["tail {log}", "log verify {log}.gone", "session list --log {log}"])
def test_a_reader_that_has_gone_is_not_an_answer(log, command):
    """The exit code is that of a process that SIGPIPE ended, without a word, whatever the answer would have been."""
    words = command.format(log=log)
    (log.parent / "w.jsonl.gone").write_bytes(b"damage\n" * 20_000)
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "pytest_insight.cli", *words.split()], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert process.returncode == 141
    assert process.stderr == b""
