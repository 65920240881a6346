"""Any cut, order and repetition of the lines of logs gives the log that `insight merge` gives."""

import random
import subprocess
import sys
from uuid import UUID

import pytest
from collector_buckets import forget
from collector_lines import digest_of, session_lines
from collectors import make_key
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_insight.collector.access.keys import split_key
from pytest_insight.collector.access.teams import ensure_team
from pytest_insight.collector.bodies.attaching import bodies_of
from pytest_insight.collector.bodies.store import BodiesUnavailableError
from pytest_insight.collector.bodies.upkeep import do_upkeep
from pytest_insight.collector.client.requests import RemoteUnavailableError
from pytest_insight.collector.feed.exporting import export_log
from pytest_insight.collector.ingest import accepting
from pytest_insight.collector.ingest.overlaps import ComparedLines
from pytest_insight.collector.ingest.parsing import parse_body
from sqlalchemy import text


def team_of(engine):
    """A new team without lines."""
    with engine.begin() as connection:
        count = connection.execute(text("select count(*) from team")).scalar()
        return ensure_team(connection, f"team{count}").id


def push(engine, team, lines):
    """Store lines as an endpoint does."""
    return accepting.accept_lines(engine, team, "test", parse_body([b"".join(lines)]))


def merged(tmp_path, *logs):
    """Bytes that `insight merge` makes of logs."""
    paths = []
    for number, lines in enumerate(logs):
        paths.append(tmp_path / f"{number}.jsonl")
        paths[-1].write_bytes(b"".join(lines))
    command = [sys.executable, "-m", "pytest_insight.cli", "merge", "-o", tmp_path / "out.jsonl", *paths]
    subprocess.run(command, check=True, capture_output=True)
    return (tmp_path / "out.jsonl").read_bytes()


SESSIONS = [session_lines(number, tests) for number, tests in ((1, 0), (2, 9), (3, 4), (64, 2))]
ALL = [line for lines in SESSIONS for line in lines]
PIECES = st.lists(st.lists(st.sampled_from(ALL), min_size=1, max_size=12), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40))
@given(pieces=PIECES)
def test_every_cut_order_and_repetition_gives_the_same_log(engine, pieces):
    """What was pushed in pieces is there, each line once, in canonical order; `next` is the lowest missing seq."""
    push_pieces(engine, pieces)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(8))
@given(pieces=PIECES, dice=st.randoms(use_true_random=False))
def test_the_same_with_bodies_in_a_bucket_that_fails_now_and_then(engine, bucket, pieces, dice):
    """Each push is repeated until the bucket has taken it; between pushes bodies are moved, and deleted objects gone."""
    if bodies_of(engine) is None:
        bucket.attach(engine)

    def fail(what, key):
        if dice.random() < 0.03:
            raise RemoteUnavailableError(bucket.url, "refused", "later")

    bucket.faults.fail = fail
    forget(engine)
    push_pieces(engine, pieces, lambda work: until_done(work, engine))


def until_done(work, engine):
    """Repeat a call that needs the bucket, and then the upkeep of a server."""
    for each in (lambda: do_upkeep(engine), work):
        while True:
            try:
                result = each()
                break
            except BodiesUnavailableError:
                forget(engine)
    return result


def push_pieces(engine, pieces, run=lambda work: work()):
    """Push pieces of logs to a new team, and compare its log with what was pushed."""
    team = team_of(engine)
    sent, told = set(), {}
    for lines in pieces:
        result = run(lambda lines=lines: push(engine, team, lines))
        assert result.accepted == len(set(lines) - sent)
        assert result.known == len(lines) - result.accepted
        assert result.conflicts == []
        sent.update(lines)
        told |= result.next
    assert run(lambda: b"".join(export_log(engine, team))) == b"".join(line for line in ALL if line in sent)
    for lines in SESSIONS:
        stream = UUID(lines[0].split(b'"stream":"')[1][:32].decode())
        if stream in told:
            assert told[stream] == next((n for n, line in enumerate(lines) if line not in sent), len(lines))


def test_the_export_is_what_merge_makes_of_the_parts(engine, tmp_path):
    """Six logs with overlapping sessions, cut and shuffled: the export equals the file of `insight merge` bytewise."""
    dice = random.Random(6)
    logs = [[line for lines in dice.sample(SESSIONS, 3) for line in lines[: dice.randint(1, 11)]] for _ in range(6)]
    team = team_of(engine)
    pieces = [log[cut : cut + 5] for log in logs for cut in range(0, len(log), 5)] * 2
    dice.shuffle(pieces)
    for piece in pieces:
        push(engine, team, piece)
    assert b"".join(export_log(engine, team)) == merged(tmp_path, *logs)


def test_the_last_digest_is_that_of_the_line_before_next(engine):
    """`last` is right also if the stream grew over a stored island."""
    team, lines = team_of(engine), SESSIONS[1]
    push(engine, team, lines[4:8])
    push(engine, team, lines[:4])
    with engine.connect() as connection:
        row = connection.execute(text("select next, last, top, low from stream")).one()
    assert (row.next, row.last.hex(), row.top, row.low) == (8, digest_of(lines[7]), 8, 0)


def stored_blind(connection, team, stream, top, lines):
    """A defect: incoming lines are never compared with the stored ones."""
    return ComparedLines(new=list(lines))


def test_an_overlap_that_is_stored_blind_is_refused_by_the_database(engine, monkeypatch):
    """The defect becomes an error: no event is stored twice under one seq."""
    team, lines = team_of(engine), SESSIONS[1]
    push(engine, team, lines[:5])
    monkeypatch.setattr(accepting, "compare_lines", stored_blind)
    with pytest.raises(Exception, match="segment_pkey"):
        push(engine, team, lines[:5])
    assert b"".join(export_log(engine, team)) == b"".join(lines[:5])


def test_next_from_the_highest_seq_is_caught(engine, monkeypatch):
    """The defect that takes `next` from the highest seq skips a gap, which the rule of this file does not allow."""
    team, lines = team_of(engine), SESSIONS[1]
    monkeypatch.setattr(accepting, "_find_coverage", lambda connection, row, new: (new[-1].seq + 1, b""))
    told = push(engine, team, lines[4:8]).next
    monkeypatch.undo()
    assert list(told.values()) == [8]
    assert list(push(engine, team_of(engine), lines[4:8]).next.values()) == [0]


def test_a_key_belongs_to_the_segments_it_sent(engine):
    """Each segment has the id of the key, and no secret."""
    parts = split_key(make_key(engine))
    team = team_of(engine)
    accepting.accept_lines(engine, team, parts.id, parse_body([b"".join(SESSIONS[2])]))
    with engine.connect() as connection:
        assert connection.execute(text("select distinct key from segment")).scalars().all() == [parts.id]
