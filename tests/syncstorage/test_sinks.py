"""Who is told of completed test runs, and that nothing they do touches the service."""

import asyncio
import logging

from pytest_insight.syncstorage.service.coordinator import Coordinator
from pytest_insight.syncstorage.service.events import CutAccepted, WorkerRegistered
from pytest_insight.syncstorage.sinks import CompletedRun, Connection, LogSink, Sinks

TOKEN = "s3cr3t-t0k3n"
RUN = CompletedRun(
    test_run="run",
    generation=1,
    completed_us=0,
    forced=False,
    cuts=(),
    workers=(),
    connection=Connection("https://tms.example.com", TOKEN),
)


class Told:
    """A sink that does as it is told."""

    name = "told"

    def __init__(self, act):
        self.act = act
        self.runs = []

    async def run_completed(self, run):
        """Keep the run, then act."""
        self.runs.append(run)
        await self.act()


async def nothing():
    """Do nothing."""


async def fail():
    """Fail, and blab."""
    raise RuntimeError(f"cannot reach https://x?token={TOKEN}")


async def hang():
    """Never end."""
    await asyncio.sleep(1000)


def test_one_sink_that_fails_or_hangs_keeps_nothing_from_the_others(caplog):
    """All are told; what went wrong is logged by the sink's name, and without the token."""
    good, bad, slow = Told(nothing), Told(fail), Told(hang)

    async def announce():
        sinks = Sinks([bad, slow, good, LogSink()], timeout_s=0.1)
        sinks.announce(RUN)
        await sinks.drain(10)

    with caplog.at_level(logging.INFO):
        asyncio.run(announce())
    assert [sink.runs for sink in (good, bad, slow)] == [[RUN]] * 3
    assert "sink told failed for test run 'run'" in caplog.text
    assert "took more than 0.1 s" in caplog.text
    assert "RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_a_sink_that_is_still_at_it_does_not_hold_up_the_end():
    """At the end of the service those who are told get a moment, and no more."""

    async def announce():
        slow = Told(hang)
        sinks = Sinks([slow])
        sinks.announce(RUN)
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await sinks.drain(0.05)

    asyncio.run(announce())


def test_a_completion_is_told_once_with_what_was_held_and_who_worked(tmp_path):
    """Each generation is told when it is written; the connection is that of a registration, else of the command line."""
    told = []
    core = Coordinator(tmp_path / "journal.jsonl", completed=told.append, connection=Connection("https://default", "d"))
    core.start(port=1, os_pid=1, version="")
    core.register(WorkerRegistered(test_run="one", pid="a", worker="gw0"), Connection("https://own", "o"))
    core.register(WorkerRegistered(test_run="two", pid="b"), Connection())
    core.accept_cut(CutAccepted(test_run="one", external_id="t", status_code="Passed"))
    for _ in range(2):
        core.force(["one", "two"])
    assert [(run.test_run, run.generation, run.forced, run.connection.base_url) for run in told] == [
        ("one", 1, True, "https://own"),
        ("two", 1, True, "https://default"),
    ]
    assert [(cut.external_id, cut.status_code) for cut in told[0].cuts] == [("t", "Passed")]
    assert [(worker.pid, worker.worker, worker.status) for worker in told[0].workers] == [("a", "gw0", "abandoned")]
    core.journal.close()


def test_the_token_is_in_no_representation():
    """Whoever prints a connection, or a run, does not print its token."""
    assert TOKEN not in repr(RUN.connection)
    assert TOKEN not in repr(RUN)
    assert TOKEN not in str(RUN)
