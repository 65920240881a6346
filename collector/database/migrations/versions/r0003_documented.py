"""Tables for other programs, which a read-only role may be granted.

A role sees the teams that `reader` has for it. The barrier keeps functions of a query away from rows of other teams.
"""

# ruff: noqa: S608 - the parts are fixed texts of this file

from alembic import op

revision = "0003"
down_revision = "0002"

_MINE = "= any(array(select team from public.reader where role = current_user))"
_BARRIER = "with (security_barrier)"
_VERDICT = (
    "case when r.verdict & 63 = 7 then coalesce(s.others ->> r.seq::text, 'other') else"
    " (array['passed', 'failed', 'error', 'skipped', 'xfailed', 'xpassed', 'rerun', 'other', 'crashed', 'cut'])"
    "[(r.verdict & 63) + 1] end"
)
_OUTCOME = (
    "(array['passed', 'failed', 'error', 'skipped', 'xfailed', 'xpassed', 'rerun', 'other'])[(r.outcome & 127) + 1]"
)

_TABLES = (
    f"""
    create view insight.sessions {_BARRIER} as
    select t.name as team, s.session_id, replace(s.stream::text, '-', '') as stream, s.sut, s.started_at, s.duration_s,
           s.status, s.exit_status, s.commit_id, s.branch, s.dirty, s.python, s.pytest, s.host, s.platform, s.test_run,
           s.tests, s.passed, s.failed, s.error, s.crashed, s.skipped, s.flaky, s.missing
    from public.session s join public.team t on t.id = s.team
    where s.team {_MINE} and s.session_id is not null
    """,
    f"""
    create view insight.results {_BARRIER} as
    select t.name as team, s.session_id, s.sut, r.at as started_at, n.nodeid, r.attempt, {_OUTCOME} as outcome,
           r.outcome >> 7 as crashed, r.duration_us / 1e6::float8 as duration_s, s.workers ->> r.worker::int as worker
    from public.result r join public.session s on s.id = r.session join public.node n on n.id = r.node
         join public.team t on t.id = r.team
    where r.team {_MINE} and r.outcome >= 0 and s.session_id is not null
    """,
    f"""
    create view insight.tests {_BARRIER} as
    select t.name as team, s.session_id, s.sut, r.at as started_at, s.commit_id, s.branch, n.nodeid,
           {_VERDICT} as verdict, r.runs as attempts, r.duration_us / 1e6::float8 as duration_s,
           r.verdict >= 64 as flaky, r.verdict not in (-1, 0, 3) as notable
    from public.result r join public.session s on s.id = r.session join public.node n on n.id = r.node
         join public.team t on t.id = r.team
    where r.team {_MINE} and r.verdict >= 0 and s.session_id is not null
    """,
    f"""
    create view insight.test_days {_BARRIER} as
    select t.name as team, d.sut, n.nodeid, d.day, d.runs, d.passed, d.failed, d.skipped, d.flaky,
           d.duration_us / 1e6::float8 as duration_s
    from public.test_day d join public.node n on n.id = d.node join public.team t on t.id = d.team
    where d.team {_MINE}
    """,
    f"""
    create view insight.progress {_BARRIER} as
    select t.name as team, c.position, c.at as updated_at,
           (select count(*) from public.folded f where f.team = c.team and f.due is not null) as waiting,
           (select count(*) from public.folded f where f.team = c.team and f.problem <> '') as problems
    from public.checkpoint c join public.team t on t.id = c.team
    where c.team {_MINE}
    """,
)


def upgrade() -> None:
    """Make the tables; they are views of those of revision 0002."""
    for statement in _TABLES:
        op.execute(statement)
