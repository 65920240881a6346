"""Verdicts of the tests of a session from the columns of its attempts."""

from array import array
from collections import Counter
from itertools import compress
from operator import eq
from typing import NamedTuple

from ..eventlog.events import Outcome
from ..eventlog.outcome import missing_tests, not_run_tests
from .joining import join_rows
from .parts import CRASHED_FLAG, OpenTest, Rows, SessionPart
from .rules import BAD, OUTCOMES, is_cut, is_flaky, is_left_open, verdict_of
from .session_row import Notable

_BAD_CODES = tuple(code for code, outcome in enumerate(OUTCOMES) if outcome in BAD)


_WORKER_BITS = 8


_OTHER = OUTCOMES.index("other")


_RERUN = OUTCOMES.index("rerun")


_SPECIAL_CODES = frozenset({_OTHER, *range(CRASHED_FLAG, 2 * CRASHED_FLAG)})
"""Of attempts whose verdict needs more than the code itself."""


_PLAIN_CODES = bytes(code for code in range(256) if code not in _SPECIAL_CODES)


_IS_SPECIAL = bytes(code in _SPECIAL_CODES for code in range(256))


_IS_BAD = bytes(code in _BAD_CODES for code in range(256))


_IS_BAD_OR_DEAD = bytes(code in _BAD_CODES or code >= CRASHED_FLAG for code in range(256))


class Settled(NamedTuple):
    """Verdicts of the tests of a session."""

    counts: dict[str, int]
    """Tests by verdict, and how many of them were `flaky`."""
    reported: int
    """Tests (of each worker, where each runs its own) that have a report."""
    notable: Notable
    missing: int = 0
    """Announced tests without a verdict."""


def join_all(chunks: list[Rows]) -> Rows:
    """Put the columns of consecutive chunks behind each other."""
    rows = chunks[0]
    if len(chunks) == 2:  # noqa: PLR2004 - a pair
        return join_rows(*chunks)
    if len(chunks) > 2:  # noqa: PLR2004
        has_workers = any(chunk.workers for chunk in chunks)
        columns = {name: b"".join(getattr(chunk, name) for chunk in chunks) for name in Rows.__struct_fields__}
        columns["workers"] = b"".join(c.workers or bytes(len(c)) for c in chunks) if has_workers else b""
        rows = Rows(**columns)
    return rows


def plain_failures(rows: Rows) -> bytes:
    """Return the tests that failed, of attempts of which each is the only one of its test; as `Notable.failed`."""
    return _numbers(set(compress(array("I", rows.nodes), rows.outcomes.translate(_IS_BAD))))


def failed_positions(rows: Rows) -> list[int]:
    """Return the positions of the attempts that failed or died."""
    return list(compress(array("q", rows.positions), rows.outcomes.translate(_IS_BAD_OR_DEAD)))


def left_of(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> tuple[int, int]:
    """Return how many of the announced tests of a session have no result, and how many of these were not started.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    if not head.announced:
        return 0, 0
    if not (head.open or head.announced_each) and head.announced == {"": rows.nodes}:
        return 0, 0  # all of them, in this order
    workers = {worker: index for index, worker in enumerate(head.workers)}
    announced: set[int] = set()
    for worker, column in head.announced.items():
        number = workers.setdefault(worker, len(workers))
        numbers = array("I", column)
        announced.update([_key(node, number, head) for node in numbers] if head.announced_each else numbers)
    started = {_key(nodes[name], workers.setdefault(worker, len(workers)), head) for name, _, worker in head.open}
    reported = set(_keys_of(rows, head))
    reported -= started
    missing = missing_tests(announced, reported)
    if not missing:
        return 0, 0
    return len(missing), len(not_run_tests(announced, reported, started))


def still_open(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> list[OpenTest]:
    """Return the tests that are left running: started, and not outranked by a finish of the same test.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    workers = {worker: index for index, worker in enumerate(head.workers)}
    keys = [_key(nodes[name], workers.get(worker, -1), head) for name, _, worker in head.open]
    last = dict.fromkeys(keys, 0)
    settled: set[int] = set()
    for key, attempt, code in zip(_keys_of(rows, head), rows.attempts, rows.outcomes, strict=True):
        if key in last:
            last[key] = max(last[key], attempt)
            if code & ~CRASHED_FLAG != _RERUN:
                settled.add(key)
    sealed = head.exit_status is not None
    return [
        test
        for key, test in zip(keys, head.open, strict=True)
        if is_left_open(sealed=sealed, attempt=test[1], last_finished=last[key], settled=key in settled)
    ]


def settle(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> Settled:
    """Return the verdicts of a session, whose attempts may be several of one test.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    keys = _keys_of(rows, head)
    again = _find_repeated(keys) if head.reruns or head.announced_each else set[int]()
    workers = {worker: index for index, worker in enumerate(head.workers)}
    running = {_key(nodes[name], workers.setdefault(worker, len(workers)), head) for name, _, worker in head.open}
    cut = is_cut(sealed=head.exit_status is not None, interrupted=head.interrupted)
    attempts: dict[int, list[int]] = {}
    named: dict[int, str] = {}
    positions = array("q", rows.positions) if head.others else ()
    codes = rows.outcomes
    apart = again | running
    special = list(compress(range(len(keys)), map(apart.__contains__, keys))) if apart else []
    if codes.translate(None, _PLAIN_CODES):
        special = sorted({*special, *compress(range(len(codes)), codes.translate(_IS_SPECIAL))})
    for place in special:
        key, code = keys[place], codes[place]
        attempts.setdefault(key, []).append(code)
        if code == _OTHER:
            named[key] = head.others.get(positions[place], "other") if positions else "other"
    singles = _count_singles(codes, special)
    verdicts = {key: _verdict(attempts.get(key, []), running=key in running, cut=cut) for key in {*attempts, *running}}
    flaky = {key for key, codes in attempts.items() if is_flaky(_outcomes(codes))}
    counts = Counter(named[key] if verdict == "other" else verdict for key, verdict in verdicts.items())
    counts.update({OUTCOMES[code]: count for code, count in singles.items()})
    counts["flaky"] = len(flaky)
    failed = {key for key, verdict in verdicts.items() if verdict in BAD}
    if any(code in singles for code in _BAD_CODES):
        looked_at = set(special)
        failed |= {keys[at] for at in compress(range(len(codes)), codes.translate(_IS_BAD)) if at not in looked_at}
    rerun = {key for key, codes in attempts.items() if len(codes) + (key in running) > 1}
    shift = _WORKER_BITS if head.announced_each else 0
    return Settled(
        {verdict: count for verdict, count in counts.items() if count},
        sum(singles.values()) + len(attempts.keys() - running),
        Notable(*(_numbers({key >> shift for key in found}) for found in (failed, rerun, flaky))),
    )


def _keys_of(rows: Rows, head: SessionPart) -> "array[int] | list[int]":
    """Return the key of the test of each attempt."""
    numbers = array("I", rows.nodes)
    if not head.announced_each:
        return numbers
    workers = rows.workers or bytes(len(rows))
    return [node << _WORKER_BITS | worker for node, worker in zip(numbers, workers, strict=True)]


def _find_repeated(keys: "array[int] | list[int]") -> set[int]:
    """Return the keys that come more than once."""
    in_order = sorted(keys)
    return set(compress(in_order, map(eq, in_order, in_order[1:])))


def _count_singles(codes: bytes, special: list[int]) -> dict[int, int]:
    """Return the codes of tests with one plain attempt and their counts, of all attempts but those at some places."""
    elsewhere = bytes([codes[place] for place in special])
    counts = {code: codes.count(code) - elsewhere.count(code) for code in range(len(OUTCOMES))}
    return {code: count for code, count in counts.items() if count}


def _numbers(found: set[int]) -> bytes:
    return array("I", sorted(found)).tobytes()


def _key(node: int, worker: int, head: SessionPart) -> int:
    return node << _WORKER_BITS | worker if head.announced_each else node


def _outcomes(codes: list[int]) -> list[Outcome]:
    return [OUTCOMES[code & ~CRASHED_FLAG] for code in codes]


def _verdict(codes: list[int], *, running: bool, cut: bool) -> str:
    crashed = bool(codes and codes[-1] & CRASHED_FLAG)
    return verdict_of(_outcomes(codes), crashed=crashed, running=running, cut=cut)
