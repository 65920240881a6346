"""Sessions as JSON."""

from typing import TYPE_CHECKING, Any

from ..data import data_of
from ..values import utc_text

if TYPE_CHECKING:
    from ....api import TestSession
    from ....api.internal.history import History, SessionRow, TestRunTotal
    from ....api.internal.logs import RunState


def total_data(total: "TestRunTotal") -> dict[str, Any]:
    """Return the total of a test run as `--json` prints it."""
    fields = data_of(total)
    del fields["duration_at"]
    return fields | {"duration_s": total.duration_us / 1_000_000}


def session_data(row: "SessionRow", state: "RunState") -> dict[str, Any]:
    """Return a session as `--json` prints it; docs/cli.md lists the fields."""
    from ....api.internal.history import is_future, run_id_of, session_state, variant_of

    header = row.part.header or {}
    vcs: dict[str, Any] = header.get("vcs") or {}
    return {
        "session_id": row.session_id,
        "stream": row.stream,
        "sut": row.sut,
        "test_run": run_id_of(row),
        "status": row.status,
        "state": session_state(row, state),
        "is_future": is_future(row.started_us),
        "started_at": utc_text(row.started_us),
        "duration_s": row.duration_us / 1_000_000,
        "exit_status": row.exit_status,
        "counts": row.counts,
        "verdicts": row.verdicts,
        "missing": row.missing,
        "running": [nodeid for nodeid, _, _ in row.part.open],
        "interrupted": row.part.interrupted,
        "dropped": row.part.dropped,
        "commit": vcs.get("commit", ""),
        "branch": vcs.get("branch", ""),
        "variant": dict(variant_of(header)),
        "deselected": row.part.deselected,
        "collection_failed": list(dict.fromkeys(row.part.collect_failed)),
        "tags": header.get("tags") or {},
    }


def session_details(model: "History", row: "SessionRow", view: "TestSession") -> dict[str, Any]:
    """Return a session with its results and its output as `--json` prints it."""
    from .session_notes import note_data

    header = row.part.header or {}
    return session_data(row, model.state_of(row)) | {
        "testing_system": header.get("testing_system") or {},
        "pytest": header.get("pytest", ""),
        "python": header.get("python", ""),
        "plugins": header.get("plugins") or {},
        "args": header.get("args") or [],
        "rootdir": header.get("rootdir", ""),
        "vcs": header.get("vcs"),
        "ci": header.get("ci") or {},
        "not_run": view.not_run,
        "collection_failed": row.part.collect_failed,
        "internal_error": row.part.internal_error,
        "properties": [list(pair) for pair in row.part.properties],
        "notes": note_data(model, row),
        "results": [result.to_dict() for result in view.test_results],
        "output": view.output_fields.to_dict(),
    }
