"""Tables and checkpoint move together: a round that ends at any of its statements leaves all as it was."""

from datetime import UTC, datetime, timedelta

from collector_lines import mixed_history
from collector_tables import rows_of
from pytest_insight.collector.access.teams import ensure_team
from pytest_insight.collector.feed.sequencer import give_positions
from pytest_insight.collector.ingest.accepting import accept_lines
from pytest_insight.collector.ingest.parsing import parse_body
from pytest_insight.collector.views.projector import project_round
from sqlalchemy import event

TABLES = ("checkpoint", "folded", "session", "packed", "node", "result", "test_day", "change")
STATEMENTS_MIN = 15


class CutError(Exception):
    """The process dies."""


class Cut:
    """Ends the process at a statement, or at the commit behind the last one.

    Args:
        engine: of the database.
        number: of the statement; the first one is 0.
    """

    def __init__(self, engine, number):
        self.engine, self.number, self.seen = engine, number, 0

    def __enter__(self):
        event.listen(self.engine, "before_cursor_execute", self.count)
        event.listen(self.engine, "commit", self.count)
        return self

    def __exit__(self, *_):
        event.remove(self.engine, "before_cursor_execute", self.count)
        event.remove(self.engine, "commit", self.count)

    def count(self, *_):
        """Called before each statement and each commit."""
        if self.seen == self.number:
            raise CutError
        self.seen += 1


def tables(database):
    """All rows of the tables."""
    return {name: sorted(map(repr, rows_of(database, "", f"select * from {name}"))) for name in TABLES}


def test_a_round_that_is_cut_at_any_statement_changes_nothing(engine, database):
    """Neither rows without their checkpoint, nor a checkpoint without its rows; then the round is done as a whole."""
    with engine.begin() as connection:
        team = ensure_team(connection, "default").id
    pieces, now = mixed_history({5: "s3"}), datetime.now(UTC)

    def push(some):
        accept_lines(engine, team, "key", parse_body([b"".join(some)]))
        give_positions(engine)

    push(pieces[:7])
    assert project_round(engine, team, now).streams == 7
    push([pieces[2][:300].rpartition(b"\n")[0] + b"\n", *pieces[7:10]])
    before, later = tables(database), now + timedelta(hours=1)
    for number in range(1000):
        with Cut(engine, number):
            try:
                done = project_round(engine, team, later)
            except CutError:
                done = None
        if done is not None:
            break
        assert tables(database) == before, number
    assert number > STATEMENTS_MIN
    assert done.streams == 3
    after = tables(database)
    assert all(after[name] != before[name] for name in TABLES if name not in ("change", "node"))
    assert project_round(engine, team, later + timedelta(hours=1)).streams == 0
