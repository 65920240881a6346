"""Compare a read model with a rebuilt one: both must say the same of each session."""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..parts import SessionPart
from ..session_row import Notable
from .attempts import NodeNames, list_attempts
from .log_files import LogFiles
from .queries import list_findings, list_notable_tests

_FOLDING_FIELDS = ("rows", "workers", "finished_early")
"""Fields of a part that depend on where the log was cut; attempts are compared by the names of their workers."""

_POSITIONS_FIELDS = ("announced_at", "malformed", "notes")

_COLUMNS = "stream, label, sut, commit_id, status, tests, missing, verdicts, failed, rerun, flaky, state"


def list_differences(mine: Iterable[tuple[str, object]], fresh: Iterable[tuple[str, object]]) -> list[str]:
    """Return one sentence for each fact in which two models differ, sorted.

    Args:
        mine: facts of a read model, as of `read_facts`.
        fresh: facts of a rebuilt one.
    """
    model, log = dict(mine), dict(fresh)
    return [
        f"{key}: {model.get(key, 'missing')} in the read model, {log.get(key, 'missing')} in the log"
        for key in sorted({*model, *log})
        if model.get(key) != log.get(key)
    ]


def read_facts(db: sqlite3.Connection, nodes: NodeNames, files: LogFiles) -> Iterator[tuple[str, object]]:
    """Yield the names and values of all facts that are equal in every model of a log, however it was folded."""
    names, name_of = nodes.all_names(), files.position_namer()
    for stream, *columns, failed, rerun, flaky, state in db.execute(f"SELECT {_COLUMNS} FROM sessions").fetchall():  # noqa: S608
        notable = list_notable_tests(Notable(failed, rerun, flaky), names)
        yield f"notable tests of {stream}", sorted(notable.items())
        part = msgspec.msgpack.decode(state, type=SessionPart)
        yield f"session {stream}", (*columns, _comparable_part(part, names, files))
        yield (
            f"attempts of {stream}",
            [
                (one.nodeid, one.outcome, one.duration_us, one.attempt, one.worker, name_of(one.position))
                for one in list_attempts(db, nodes, stream)
            ],
        )
    yield "tombstones", sorted(db.execute("SELECT stream, digest FROM tombstones").fetchall())
    yield "changes", sorted(db.execute("SELECT target, at, digest, what FROM changes").fetchall())
    yield "findings", [tuple(finding) for finding in list_findings(db)]


def _comparable_part(part: SessionPart, names: list[str], files: LogFiles) -> str:
    """Return a part as JSON, with names in place of numbers and without what depends on the way of folding."""
    name_of = files.position_namer()
    fields: dict[str, Any] = msgspec.structs.asdict(part)
    for name in _FOLDING_FIELDS:
        del fields[name]
    fields["header_at"] = name_of(part.header_at)
    for name in _POSITIONS_FIELDS:
        fields[name] = list(map(name_of, fields[name]))
    fields["others"] = {name_of(at): outcome for at, outcome in part.others.items()}
    fields["outputs"] = [(section, name_of(at)) for section, at in part.outputs]
    fields["open"] = sorted(part.open)
    fields["announced"] = {
        worker: sorted(names[number] for number in array("I", column)) for worker, column in part.announced.items()
    }
    return msgspec.json.encode(fields, order="deterministic").decode()
