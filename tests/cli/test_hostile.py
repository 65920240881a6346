"""Lines and files that are whole and cannot be: every command goes on with the rest, and says so."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from hostile import KINDS, READING, WRITING, Answer, ask, failures, line, make_profile, read_json, session

NOT_REPORTED = ("unknown type", "finished: half a surrogate pair")
TOUCHING = (
    "session list",
    "log verify {log} --json",
    "merge {log} -o out2.jsonl",
    "log repair",
    "log verify {log} --json",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home of the test's own, in whose parent the commands run."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_every_command_answers_a_log_that_holds_every_kind_of_hostile_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading and writing commands end with 0, 1 or 3 and without a traceback."""
    everything = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in KINDS.values())

    def set_home(path: Path) -> None:
        monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(path))

    assert failures(tmp_path, everything, [*READING, *WRITING], set_home) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_line_costs_that_line_only_and_repair_removes_it(kind: str, home: Path) -> None:
    """The sessions around it are listed and merged; what cannot be is reported and set aside."""
    log = make_profile(home, KINDS[kind])
    answers = [ask(command, log) for command in TOUCHING]
    assert [(answer.command, answer.error) for answer in answers if answer.error] == []
    listed, verified, merged, _, verified_again = answers
    assert "aaaaaaaaaaaa" in listed.out
    assert "cccccccccccc" in listed.out
    reasons = {finding["reason"] for report in read_json(verified.out) for finding in report["findings"]}
    assert reasons or kind in NOT_REPORTED
    assert merged.code == int(bool(reasons - {"newer-format", "blank", "gap"}) or "blank" in reasons)
    left = {finding["reason"] for report in read_json(verified_again.out) for finding in report["findings"]}
    assert left <= {"newer-format", "gap"}
    assert (home.parent / "out2.jsonl").read_bytes().count(b"\n") >= 8


def test_a_whole_last_line_without_newline_counts_and_a_cut_one_is_torn(tmp_path: Path, home: Path) -> None:
    """For a file that no writer has open, by every command that takes one."""
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    whole.write_bytes(session()[:-1])
    cut.write_bytes(session()[:-40])
    for command in ("log verify", "tail", "import", "merge -n"):
        assert ask(f"{command} {whole}", whole).code == 0, command
        answer = ask(f"{command} {cut}", cut)
        assert (answer.code, "torn" in answer.out) == (1, True), answer
    assert ask(f"merge {whole} -o {tmp_path}/all.jsonl", whole).code == 0
    assert (tmp_path / "all.jsonl").read_bytes() == session()


def test_a_line_that_its_writer_is_at_is_pending(tmp_path: Path, home: Path) -> None:
    """The lock of the file says so."""
    fcntl = pytest.importorskip("fcntl")
    log = tmp_path / "live.jsonl"
    log.write_bytes(session()[:-40])
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answer = ask(f"log verify {log} --json", log)
    assert answer.code == 0
    assert read_json(answer.out)[0]["findings"][0]["reason"] == "pending"


def test_purge_finds_a_text_in_a_line_that_is_no_event(home: Path) -> None:
    """Its bytes hold the text, and go."""
    log = make_profile(home, line("test.finished", 1, b'"nodeid":"hunter2\xff","outcome":"passed"'))
    assert ask("log purge --regex hunter2 --force", log).code == 0
    assert b"hunter2" not in log.read_bytes()
    assert "aaaaaaaaaaaa" in ask("session list", log).out


def test_purge_refuses_a_text_in_a_line_of_a_newer_format(home: Path) -> None:
    """The log is as it was."""
    log = make_profile(home, line("session.started", 0, '"novel":"hunter2"', version=2))
    before = log.read_bytes()
    answer: Answer = ask("log purge --regex hunter2 --force", log)
    assert (answer.code, "newer format" in answer.out) == (3, True)
    assert log.read_bytes() == before


def test_lines_of_a_newer_format_survive_every_rewrite(home: Path) -> None:
    """They are copied byte for byte, as are events of unknown types."""
    newer = line("session.started", 0, '"novel":1', version=2, stream="d" * 32)
    unknown = line("future.thing", 4, '"x":[1,{"y":2}]', stream="a" * 32)
    log = make_profile(home, unknown)
    log.write_bytes(newer + log.read_bytes() + b"garbage\n")
    for command in ("log repair", "log purge --regex test_other --force", "log pack --older-than 0s", "log unpack"):
        assert ask(command, log).code == 0, command
    assert newer in log.read_bytes()
    assert unknown in log.read_bytes()
    assert ask(f"merge {log} -o all.jsonl", log).code == 0
    merged = (home.parent / "all.jsonl").read_bytes()
    assert newer in merged
    assert unknown in merged
    assert json.loads(merged.split(b"\n")[0])["v"] in (1, 2)
