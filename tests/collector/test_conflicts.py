"""Two events with one identity: one is in the log, both are kept, both clients are told."""

from concurrent.futures import ThreadPoolExecutor

from collector_lines import digest_of, session_lines
from sqlalchemy import text

OURS, THEIRS = session_lines(1, 3), session_lines(1, 3, outcome="failed")
OTHER = session_lines(2, 1)


def quarantined(engine):
    """Lines in quarantine."""
    with engine.connect() as connection:
        return [
            bytes(line) + b"\n" for line in connection.execute(text("select line from conflict order by seq")).scalars()
        ]


def test_a_conflicting_line_is_quarantined_and_the_others_are_stored(served, engine):
    """The answer names stream, seq and both digests; the log keeps the first."""
    served.push(b"".join(OURS[:3]))
    answer = served.push(b"".join(THEIRS + OTHER))
    stream = f"{1:032x}"
    assert answer["conflicts"] == [
        {"stream": stream, "seq": seq, "have": digest_of(OURS[seq]), "got": digest_of(THEIRS[seq])} for seq in (1, 2)
    ]
    assert (answer["accepted"], answer["known"]) == (2 + len(OTHER), 1)
    assert served.get("/api/v1/log").body == b"".join(OURS[:3] + THEIRS[3:] + OTHER)
    assert quarantined(engine) == THEIRS[1:3]


def test_a_conflict_is_kept_once(served, engine):
    """Repeated pushes of a conflicting line tell it again and keep it once."""
    served.push(b"".join(OURS))
    for _ in range(3):
        assert len(served.push(b"".join(THEIRS))["conflicts"]) == 3
    assert quarantined(engine) == THEIRS[1:4]


def test_a_conflict_within_one_body_keeps_the_first(served, engine):
    """Of two lines with one identity in a body, the first one counts."""
    answer = served.push(OURS[0] + OURS[1] + THEIRS[1])
    assert [clash["got"] for clash in answer["conflicts"]] == [digest_of(THEIRS[1])]
    assert served.get("/api/v1/log").body == OURS[0] + OURS[1]
    assert quarantined(engine) == [THEIRS[1]]


def test_a_strict_push_with_a_conflict_is_answered_with_409(served):
    """The status says it; what does not conflict is stored."""
    served.push(OURS[0] + OURS[1])
    answer = served.post("/api/v1/events?strict", b"".join(THEIRS))
    assert (answer.status, answer.json()["type"]) == (409, "urn:pytest-insight:problem:conflict")
    assert answer.json()["accepted"] == 3


def test_two_clients_at_once_get_one_winner(served, engine):
    """Of two different lines that are pushed at the same time, exactly one is stored and the other one is kept."""
    for number in range(10, 30):
        ours, theirs = session_lines(number, 1)[1], session_lines(number, 1, outcome="failed")[1]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(served.push, (ours, theirs)))
        assert sorted(answer["accepted"] for answer in answers) == [0, 1]
        loser = next(answer for answer in answers if not answer["accepted"])
        assert {loser["conflicts"][0]["have"], loser["conflicts"][0]["got"]} == {digest_of(ours), digest_of(theirs)}
    assert len(quarantined(engine)) == 20
