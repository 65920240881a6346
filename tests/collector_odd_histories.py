"""Random histories with everything that a log may have: oddly named tests, sessions of one label, what was cut."""

import random

from histories import EIGHT, START, write_line, write_session
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionCleared, SessionRestored, SessionSuperseded
from pytest_insight.eventlog.times import format_time

ODD = ["t.py::a\0b", "t.py::" + "x" * 3000, "t.py::日本\u2028", "t.py::[a-b]%_\\", "T.py::Upper"]
OUTCOMES = ["passed"] * 6 + ["failed", "error", "skipped", "xfailed", "xpassed", "flunked", "rerun"]
LINES_LEFT_OUT = 0.1


def stream_of(piece):
    """Stream of the first line of a session."""
    return piece.split(b'"stream":"', 1)[1][:32].decode()


def random_history(seed, sessions=7):
    """Pieces of a log, one stream each."""
    dice = random.Random(seed)
    pieces = [_session(dice, seed, number) for number in range(sessions)]
    streams = [stream_of(piece) for piece in pieces]
    for number, event in enumerate((SessionCleared, SessionSuperseded, SessionRestored, SessionCleared)):
        if dice.random() < 0.6:
            pieces.append(_change(event(target=dice.choice(streams)), seed, number))
    pieces.append(write_line("something.new", f"{seed:016x}{99:016x}", 0, START, more=1))
    return pieces


def _change(event, seed, number):
    at = format_time(1_800_000_000_000_000 + number)
    return encode_event(event, stream=f"{seed:016x}{number:016x}", seq=0, at=at)


def _session(dice, seed, number):
    results = []
    for nodeid in dice.sample(EIGHT + ODD, dice.randint(0, 8)):
        outcome = dice.choice(OUTCOMES)
        results.append((nodeid, outcome, dice.randint(0, 900), dice.randint(0, 50)))
        if outcome == "rerun":
            results.append((nodeid, dice.choice(OUTCOMES), 5))
    if dice.random() < 0.3:
        results.append((dice.choice(EIGHT + ODD), None))
    piece = write_session(
        f"{seed}/{number}",
        dice.randint(0, 140) + (9999 if dice.random() < 0.05 else 0),
        results,
        session_id=dice.choice([f"s{number}", "s1", "S1", "s%", "odd\0", f"s{number}x"]),
        sut=dice.choice(["shop", "shop", "bank", "sho"]),
        commit=dice.choice("abcdefA"),
        branch=dice.choice(["main", "main", "dev"]),
        python=dice.choice(["3.11.7", "3.13.1"]),
        seal=dice.random() < 0.8,
        interrupted=dice.choice(["", "", "KeyboardInterrupt"]),
        uncollected=("t_broken.py",) if dice.random() < 0.2 else (),
        deselected=dice.choice([0, 0, 3]),
    )
    lines = piece.splitlines(keepends=True)
    return b"".join(line for line in lines if dice.random() > LINES_LEFT_OUT * (number % 3 == 2)) or lines[0]
