"""A database of an earlier revision with data in it is brought up to date, also while pushes go on."""

import threading

import psycopg
import pytest
from alembic import command
from collector_lines import session_lines
from collector_tables import rows_of
from pytest_insight.collector.access.teams import ensure_team
from pytest_insight.collector.database import migrating
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.ingest.parsing import parse_body
from pytest_insight.collector.views.projecting import project_all
from sqlalchemy import text

INSERT = text(
    "insert into segment (team, stream, first, count, digest, bytes, key, body, position)"
    " values (:team, :stream, :first, :count, :digest, :bytes, 'old', :body, nextval('feed_position'))"
)


@pytest.fixture
def old(postgres):
    """URL of a database of the first revision."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create database old template template0")
    url = postgres.url.replace("/postgres?", "/old?")
    engine = open_engine(url)
    with engine.begin() as connection:
        command.upgrade(migrating._config(connection), "0001")
    engine.dispose()
    yield url
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("drop database old with (force)")


def store(engine, team, number):
    """Store a session as a server of the first revision does."""
    from pytest_insight.collector.ingest.segments import pack_segment

    for stream, lines in parse_body([b"".join(session_lines(number))]).streams.items():
        packed = pack_segment([line.line for line in lines])
        with engine.begin() as connection:
            row = {"team": team, "stream": stream, "first": 0, **packed}
            connection.execute(INSERT, row)
            connection.execute(
                text("insert into stream (team, stream, next, top, low, sealed, state)"
                     " values (:team, :stream, :count, :count, 0, :count - 1, 'sealed')"), row,
            )  # fmt: skip


def test_an_upgrade_under_pushes_loses_nothing_and_fills_the_tables(old):
    """What was there, and what is pushed by an old server meanwhile, is in the new tables after the next round."""
    engine = open_engine(old)
    with engine.begin() as connection:
        team = ensure_team(connection, "default").id
    store(engine, team, 1)
    ended = threading.Event()
    stored = [1]

    def push():
        while not ended.is_set():
            stored.append(stored[-1] + 1)
            store(engine, team, stored[-1])

    pushing = threading.Thread(target=push)
    pushing.start()
    try:
        assert migrating.upgrade_schema(engine) == ("0001", migrating.newest_revision())
    finally:
        ended.set()
        pushing.join()
    migrating.check_schema(engine)
    while project_all(engine):
        pass
    assert rows_of(old, "", "select label from session order by id") == [
        (f"s{number}",) for number in sorted(stored, key=lambda n: f"{n:032x}")
    ]
    assert rows_of(old, "", "select count(*) from result") == [(5 * len(stored),)]
    engine.dispose()
