"""The picture that `insight sync-storage status` shows."""

from typing import Any

from ...formatters.values import counted
from ...terminal.safe import safe_line
from ...terminal.screen import Listing, console
from ...terminal.words import Word

_SHOWN_RUNS = 10


def print_picture(found: dict[str, Any]) -> None:
    """Print the state of the service for people."""
    out = console()
    for part in picture_of(found):
        out.print(part)


def picture_of(found: dict[str, Any]) -> list[Word | Listing]:
    """Return the state of the service as parts of an output."""
    how = f"runs since {found['started_at'][:19]}Z" if found["running"] else "is not running; this is what it wrote"
    parts: list[Word | Listing] = [Word(f"sync-storage on port {found['port']} {how}")]
    if found.get("problem"):
        parts.append(Word(f"its journal cannot be read: {safe_line(found['problem'])}", "bold red"))
    hidden = len(found["runs"]) - _SHOWN_RUNS
    if hidden > 0:
        parts.append(Word(f"{counted(hidden, 'older test run')} not shown; --run ID or --json shows them"))
    for run in found["runs"][-_SHOWN_RUNS:]:
        parts += _run_picture(run)
    return parts


def _run_picture(run: dict[str, Any]) -> list[Word | Listing]:
    held = ", ".join(cut["external_id"] for cut in run["cuts"]) or "nothing"
    head = f"test run {run['test_run'] or '(empty)'}: {run['status']}, generation {run['generation']}, holds {held}"
    table = Listing("worker", "status", "since", "heard", "runs", "")
    for worker in run["workers"]:
        heard = f"{worker['last_seen_s']:.0f} s ago" if "last_seen_s" in worker else "-"
        table.add_row(
            safe_line(worker_name(worker)),
            worker["status"],
            worker["since"][11:19],
            heard,
            safe_line(worker.get("running", "")),
            "master" if worker["is_master"] else "",
        )
    return [Word(safe_line(head), "bold"), table]


def worker_name(worker: dict[str, Any]) -> str:
    """Return the name of a worker, with its role."""
    where = f" on {worker['host']}" if worker["host"] else ""
    return f"{worker['worker']}{where} ({worker['pid']})" if worker["worker"] else worker["pid"]
