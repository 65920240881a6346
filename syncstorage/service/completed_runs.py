"""Completed test runs in the form in which sinks get them."""

from ..sinks import CompletedRun, CompletedWorker, Connection, HeldCut
from .state import RunState


def completed_run(run: RunState, connection: Connection) -> CompletedRun:
    """Return a completed generation in the form for sinks."""
    cuts = (
        HeldCut(
            external_id=cut.external_id,
            status_code=cut.status_code,
            status_type=cut.status_type,
            project_id=cut.project_id,
            started_on=cut.started_on,
        )
        for cut in run.cuts.values()
    )
    workers = (
        CompletedWorker(
            pid=worker.pid,
            status=worker.status,
            worker=worker.worker,
            session_id=worker.session_id,
            host=worker.host,
            os_pid=worker.os_pid,
        )
        for worker in run.workers.values()
    )
    return CompletedRun(
        test_run=run.test_run,
        generation=run.generation,
        completed_us=run.completed_us,
        forced=run.forced,
        cuts=tuple(cuts),
        workers=tuple(workers),
        connection=connection,
    )
