"""Each endpoint answers odd histories with the JSON of the command line over the merged logs."""

import random
from urllib.parse import quote

import pytest
from collector_asking import asked, difference, questions_about
from collector_lines import mixed_history, session_lines
from collector_odd_histories import random_history, stream_of
from collectors import Collector, make_key
from histories import EIGHT, write_session
from pytest_insight.cli import app as main
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionCleared, SessionSuperseded
from pytest_insight.eventlog.times import format_time

CANARY = "secret-6f1d"
TEST = quote(EIGHT[3])
QUESTIONS = [
    *questions_about(EIGHT[3]),
    ("/session-list?all=1&sut=shop", ["session", "list", "--all", "--sut", "shop"]),
    ("/sessions/s2", ["session", "show", "s2"]),
    ("/tests?sut=shop&branch=dev&days=30", ["test", "list", "--sut", "shop", "--branch", "dev", "--days", "30"]),
    (f"/tests/history?nodeid={TEST}&sut=shop&branch=main", ["test", "history", EIGHT[3], "--sut=shop", "--branch=main"]),
    ("/compare?base=main&target=dev&mode=branch&sut=shop",
     ["analytics", "compare", "--base=main", "--target=dev", "--mode=branch", "--sut=shop"]),
    ("/compare?base=aaaaaaaaa&target=bbbbbbbbb", ["analytics", "compare", "--base", "aaaaaaaaa", "--target", "bbbbbbbbb"]),
    ("/compare?base=s2&target=s3", ["analytics", "compare", "--base", "s2", "--target", "s3"]),
]  # fmt: skip


def change(event, number):
    """Line of an event that hides a session."""
    at = format_time(1_800_000_000_000_000 + number)
    return encode_event(event, stream=f"{number:032x}", seq=0, at=at)


def purged(tmp_path):
    """A log before and after a purge of a text in one of its sessions."""
    log = tmp_path / "purged.jsonl"
    results = [(EIGHT[3], "failed"), (f"t.py::test[{CANARY}]", "passed"), (EIGHT[4], "passed")]
    before = write_session("purged", 100, results)
    log.write_bytes(before)
    assert main.run(["log", "purge", "--regex", CANARY, "--force", str(log)]) == 0
    return [before, log.read_bytes()]


def running():
    """A session without its last event, in the middle of a test."""
    return write_session("goes on", 141, [(EIGHT[2], "passed"), (EIGHT[3], None)], seal=False)


def hidden():
    """Sessions that were cleared or gave way to others, and their events."""
    pieces = mixed_history({5: "s3", 6: "s3"})
    events = [
        change(SessionCleared(target=stream_of(pieces[2])), 900),
        change(SessionSuperseded(target=stream_of(pieces[6])), 901),
    ]
    return [*pieces, *events]


def conflicting():
    """A session; another version of its events is pushed later, and changes nothing."""
    return [b"".join(session_lines(1, 3))]


LOGS = {
    "purged": lambda tmp_path: [*mixed_history()[8:], *purged(tmp_path)],
    "hidden": lambda _: hidden(),
    "running": lambda _: [*mixed_history()[:5], running()],
    "odd": lambda _: random_history(101, 12),
    "several": lambda _: [*random_history(102, 6), *mixed_history()],
    "conflicts": lambda _: [*conflicting(), *mixed_history()[:3]],
    "empty": lambda _: [],
}


@pytest.mark.parametrize("kind", LOGS)
def test_answers_equal_those_of_the_command_line_over_merged_logs(shared, kind, tmp_path, capsys):
    """Pushed in pieces in a random order: every field equals that of `insight`, in the same order; so do refusals."""
    pieces = LOGS[kind](tmp_path)
    team = Collector(shared.url, make_key(shared.context.engine, team=kind), None)
    dice = random.Random(kind)
    parts = []
    for number, piece in enumerate(pieces):
        (tmp_path / f"part{number}.jsonl").write_bytes(piece)
        lines = piece.splitlines(keepends=True)
        middle = dice.randint(1, len(lines))
        parts += [b"".join(lines[middle:]), b"".join(lines[:middle])]
    for part in parts:
        team.push(part)
    if kind == "conflicts":
        assert team.push(b"".join(session_lines(1, 3, outcome="failed")))["conflicts"]
    merged = tmp_path / "merged.jsonl"
    named = [str(tmp_path / f"part{number}.jsonl") for number in range(len(pieces))]
    if pieces:
        assert main.run(["merge", *named, "-o", str(merged)]) == 0
    else:
        merged.write_bytes(b"")
    answered = 0
    for path, arguments in QUESTIONS:
        answer = team.get(f"/api/v1{path}")
        code, out, err = asked(capsys.readouterr, arguments, merged)
        assert difference(answer, code, out, err) is None, path
        answered += not code
    assert answered >= (5 if kind == "empty" else 12)
    assert not list(tmp_path.rglob("views")), "no copy of a log"
