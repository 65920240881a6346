"""The state as JSON, for `GET /status` and `insight sync-storage status`."""

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from .leases import WorkerLease
from .state import RunState, SyncState, WorkerState

if TYPE_CHECKING:
    from .coordinator import Coordinator

__all__ = ["SERVICE_NAME", "encode", "recorded_report", "rfc3339", "service_report"]

SERVICE_NAME = "pytest-insight sync-storage"

encode = msgspec.json.Encoder().encode


def rfc3339(time_us: int) -> str:
    """Return microseconds since the epoch as RFC 3339 in UTC."""
    moment = datetime.fromtimestamp(time_us / 1_000_000, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def service_report(core: "Coordinator", test_run: str | None, *, waiting: int) -> dict[str, Any]:
    """Return the state of a running service.

    Args:
        core: the coordinator.
        test_run: only this test run; None for all.
        waiting: number of clients that wait for a completion.
    """
    now_s = time.monotonic()
    state, problem = core.last_state()
    running: dict[str, Any] = {"running": True, "os_pid": os.getpid(), "waiting": waiting}
    report = recorded_report(state, test_run) | running
    if problem:
        report["problem"] = problem
    for run in report["runs"]:
        for worker in run["workers"]:
            lease = core.live.lease(run["test_run"], worker["pid"])
            worker.update(_lease_report(lease, now_s))
    return report | {"repeated_cuts": core.repeated_cuts}


def recorded_report(state: SyncState, test_run: str | None) -> dict[str, Any]:
    """Return the state in a journal, whether or not a service runs; the newest test run is last."""
    runs = [run for run in state.runs.values() if test_run in (None, run.test_run)]
    service = state.service
    return {
        "service": SERVICE_NAME,
        "running": False,
        "port": service.port if service else 0,
        "election": service.election if service else "",
        "version": service.version if service else "",
        "started_at": rfc3339(state.service_since_us),
        "stopped": state.stopped.reason if state.stopped else "",
        "last_update": rfc3339(state.last_us),
        "runs": [_run_report(run) for run in runs],
    }


def _run_report(run: RunState) -> dict[str, Any]:
    return {
        "test_run": run.test_run,
        "generation": run.generation,
        "status": ("force_completed" if run.forced else "completed") if run.completed else "open",
        "opened_at": rfc3339(run.opened_us),
        "completed_at": rfc3339(run.completed_us) if run.completed else "",
        "master": run.master or "",
        "epoch": run.epoch,
        "published": run.published,
        "finalised": run.finalised,
        "workers": [_worker_report(run, worker) for worker in run.workers.values()],
        "cuts": [
            {
                "external_id": cut.external_id,
                "status_code": cut.status_code,
                "status_type": cut.status_type,
                "project_id": cut.project_id,
                "started_on": cut.started_on,
            }
            for cut in run.cuts.values()
        ],
    }


def _worker_report(run: RunState, worker: WorkerState) -> dict[str, Any]:
    return {
        "pid": worker.pid,
        "status": worker.status,
        "since": rfc3339(worker.since_us),
        "registered_at": rfc3339(worker.registered_us),
        "adopted": worker.adopted,
        "told_master": worker.master,
        "is_master": run.master == worker.pid,
        "worker": worker.worker,
        "session_id": worker.session_id,
        "host": worker.host,
        "os_pid": worker.os_pid,
    }


def _lease_report(lease: WorkerLease, now_s: float) -> dict[str, Any]:
    return {
        "last_seen_s": round(now_s - lease.heard_s, 3),
        "sends_keep_alive": lease.beats,
        "running": lease.running,
        "registrations": lease.registrations,
        "peer_ports": sorted(lease.peer_ports),
    }
