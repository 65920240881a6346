"""Scripted histories: the lines of sessions with known results, by a writer of its own."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=6)
HOUR = timedelta(hours=1)
EIGHT = [f"test_shop.py::test_{number}" for number in range(8)]


def write_line(kind, stream, seq, at, **fields) -> bytes:
    """One event of format 1, as docs/format.md has it."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = json.dumps(
        {"v": 1, "type": kind, "stream": stream, "seq": seq, "at": moment, **fields},
        ensure_ascii=False,
        separators=(",", ":"),
    )[:-1]
    digest = hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
    return f'{body},"digest":"{digest}"}}\n'.encode()


def write_session(
    name,
    hours,
    results,
    *,
    commit="a",
    branch="main",
    python="3.11.7",
    platform="linux",
    seal=True,
    status=None,
    uncollected=(),
    deselected=0,
    start=None,
    interrupted="",
    **header,
) -> bytes:
    """A session; each result is `(node id, outcome)` or `(node id, outcome, milliseconds of call, of set-up)`, None for one that hangs."""
    at = start or START + hours * HOUR
    began = at
    stream = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    head = {"session_id": name, "sut": "shop", "python": python, "testing_system": {"platform": platform}} | header
    # Written on this machine, by a process of an earlier start of it: without a seal it was killed.
    head.setdefault("writer", {"host": os.uname().nodename, "boot_id": "earlier", "pid": "1", "started": "1"})
    head.setdefault("vcs", {"commit": commit * 40, "branch": branch, "dirty": False})
    lines = [write_line("session.started", stream, 0, at, **head)]
    add = lambda kind, **fields: lines.append(write_line(kind, stream, len(lines), at, **fields))
    for module in uncollected:
        add("collection.failed", nodeid=module, longreprtext=f"E   ImportError: no module for {module}")
    nodeids = list(dict.fromkeys(result[0] for result in results))
    add("tests.announced", nodeids=nodeids, deselected=deselected)
    attempts: dict[str, int] = {}
    for nodeid, outcome, *took in results:
        attempts[nodeid] = attempts.get(nodeid, 0) + 1
        again = {"attempt": attempts[nodeid]} if attempts[nodeid] > 1 else {}
        add("test.started", nodeid=nodeid, **again)
        begun = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        at += timedelta(seconds=1)
        if outcome is None:
            continue
        more = {"longreprtext": "RuntimeError: db down", "phase_outcomes": {"call": outcome}}
        call, setup = (int(ms * 1000) for ms in (*took, *(1, 0)[len(took) :])[:2])
        add(
            "test.finished",
            nodeid=nodeid,
            outcome=outcome,
            started_at=begun,
            duration_us=setup + call,
            phases={"setup": setup, "call": call, "teardown": 0},
            **(more if outcome != "passed" else {}),
            **again,
        )
    if seal:
        root = hashlib.blake2b(b"".join(line[-35:-3] for line in lines), digest_size=16).hexdigest()
        bad = any(result[1] in ("failed", "error") for result in results)
        code = status if status is not None else 2 if uncollected else int(bad)
        add(
            "session.finished",
            exit_status=code,
            count=len(lines),
            root=root,
            duration_us=int((at - began).total_seconds() * 1e6),
            **({"interrupted": interrupted} if interrupted else {}),
        )
    return b"".join(lines)


def all_of(outcome, nodeids=EIGHT):
    """The same outcome for some tests."""
    return [(nodeid, outcome) for nodeid in nodeids]
