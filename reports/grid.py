"""The data of a report that its script reads: every result of every session in one byte, and its duration in another.

The block is base64 of gzip of: the length of the head in four bytes (big-endian), the head as JSON, one byte a result,
one byte a duration. Both tables are test after test, in each the sessions in order of time.

| byte of a result | meaning |
|---|---|
| 0 | the session does not have the test |
| n | the mark with the number n, counted from 1 |

| byte of a duration | meaning |
|---|---|
| 0 | not known |
| n | 0.1 ms times 1.08 to the power of n - 1 |

Of a duration its difference to the known one before of the same test is stored, modulo 255; 255 if they are equal.
"""

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ..core.overview.marks import MARKS, mark_word
from ..core.questions.outages import is_outage
from ..eventlog.outcome import RESULT_OF
from .facts import facts_of
from .marks import DRAWINGS, WORDS
from .texts import shorten, visible

if TYPE_CHECKING:
    from ..core.history.verdicts.run import Run
    from .answers import Answers, SessionLine
    from .budget import Extent

STEP = 1.08
LEAST_US = 100
_VERSION = 1
_CODES = {word: place for place, word in enumerate(WORDS, 1)}
_LOG_STEP = math.log(STEP)
_GZIP_HEAD = bytes((31, 139, 8, 0, 0, 0, 0, 0, 2, 255))
"""Deflate, no name, no time, best compression, no system."""


@dataclass(frozen=True)
class TestNames:
    """Node ids of a report with their numbers."""

    __test__ = False  # no test to pytest

    tests: list[str]
    numbers: dict[str, int]

    @classmethod
    def of(cls, answers: "Answers") -> "TestNames":
        """Return the tests of all sessions, and the modules that could not be collected, in order of their node ids."""
        found = {nodeid for run in answers.runs for nodeid in run.tests}
        tests = sorted(found.union(*(run.uncollected for run in answers.runs)))
        return cls(tests, {nodeid: number for number, nodeid in enumerate(tests)})


def duration_code(duration_us: int) -> int:
    """Return the byte of a duration."""
    if duration_us <= 0:
        return 0
    return min(max(round(math.log(max(duration_us, 1) / LEAST_US) / _LOG_STEP), 0) + 1, 255)


def data_block(answers: "Answers", names: TestNames, extent: "Extent") -> str:
    """Return the data of a report, as text that no page takes for markup."""
    first = len(answers.runs) - min(len(answers.runs), extent.sessions)
    runs = answers.runs[first:]
    results, durations = _tables(runs, names, len(runs) - extent.sessions_with_durations)
    head = msgspec.json.encode(_head(answers, names, extent, first))
    return base64.b64encode(_pack(b"".join((len(head).to_bytes(4, "big"), head, results)), durations)).decode()


def _pack(body: bytes, noise: bytes) -> bytes:
    """Return two texts, one after the other, as gzip; in the second no repetitions are looked for, as it has none.

    This takes an eighth less for durations than one pass over both.
    """
    first, second = (
        zlib.compressobj(9, zlib.DEFLATED, -15, 9, how) for how in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY)
    )
    both = first.compress(body) + first.flush(zlib.Z_SYNC_FLUSH) + second.compress(noise) + second.flush()
    return _GZIP_HEAD + both + struct.pack("<II", zlib.crc32(noise, zlib.crc32(body)), (len(body) + len(noise)) % 2**32)


def _head(answers: "Answers", names: TestNames, extent: "Extent", first: int) -> dict[str, Any]:
    """Return everything but the tables."""
    place_of = {run.stream: place for place, run in enumerate(answers.runs[first:])}
    clusters = {cluster.key: number for number, cluster in enumerate(answers.clusters)}
    cells = [
        (names.numbers[nodeid], place_of[stream], clusters[key])
        for stream, nodeid, key in answers.failures
        if stream in place_of
    ]
    overview = answers.overview
    return {
        "version": _VERSION,
        "sut": visible(answers.sut),
        "branches": overview.about.branches,
        "step": STEP,
        "least_s": LEAST_US / 1e6,
        "marks": [
            [word, DRAWINGS[word].path, RESULT_OF[word].kind, MARKS[word].meaning, DRAWINGS[word].light]
            for word in WORDS
        ],
        "tests": [visible(nodeid) for nodeid in names.tests],
        "sessions": [_session_fields(line) for line in answers.sessions[first:]],
        "clusters": [
            [cluster.key, visible(cluster.message), cluster.text if number < extent.texts else None]
            for number, cluster in enumerate(answers.clusters)
        ],
        "cells": [number for cell in sorted(cells) for number in cell],
        "facts": {
            str(names.numbers[nodeid]): [visible(shorten(line, 1000)) for line in lines]
            for nodeid, lines in sorted(facts_of(answers).items())
            if nodeid in names.numbers
        },
        "outages": [place for place, run in enumerate(answers.runs[first:]) if is_outage(run)],
        "broken": sorted(
            names.numbers[nodeid]
            for group in overview.groups
            for row in group.rows
            for nodeid in row.nodeids
            if nodeid in names.numbers
        ),
        "flaky": _numbers([line.flaky.nodeid for line in answers.flaky if not line.flaky.recovered], names),
        "slower": _numbers([row.nodeid for row in overview.slower], names),
        "shifts": {
            str(names.numbers[one.nodeid]): [one.since.session, one.before_s, one.after_s]
            for one in answers.shifts
            if one.nodeid in names.numbers
        },
    }


def _numbers(nodeids: Sequence[str], names: TestNames) -> list[int]:
    return sorted({names.numbers[nodeid] for nodeid in nodeids if nodeid in names.numbers})


def _session_fields(line: "SessionLine") -> list[Any]:
    """Return a session as a row; the script knows the places."""
    return [
        visible(line.session_id),
        visible(line.commit),
        visible(line.branch),
        visible(line.variant),
        line.started_at,
        line.duration_s,
        line.state,
        {visible(word): count for word, count in line.counts.items()},
        line.mark,
        line.is_whole,
        line.is_short,
        visible(line.link),
    ]


def _tables(runs: "Sequence[Run]", names: TestNames, without_durations: int) -> tuple[bytes, bytes]:
    """Return the bytes of the results and of the durations.

    Args:
        runs: the sessions.
        names: the tests.
        without_durations: how many of the first sessions get none.
    """
    count, numbers = len(runs), names.numbers
    results, durations = bytearray(len(names.tests) * count), bytearray(len(names.tests) * count)
    codes: dict[tuple[str, tuple[str, ...]], int] = {}
    known: dict[int, int] = {}
    for place, run in enumerate(runs):
        for nodeid in run.uncollected:
            results[numbers[nodeid] * count + place] = _CODES["error"]
        for nodeid, test in run.tests.items():
            at = numbers[nodeid] * count + place
            key = test.verdict, test.outcomes
            code = codes.get(key) or codes.setdefault(key, _CODES[mark_word(*key)])
            results[at] = code
            if place >= without_durations:
                duration = test.duration_us
                durations[at] = known.get(duration) or known.setdefault(duration, duration_code(duration))
    return bytes(results), _differences(durations, count)


def _differences(durations: bytearray, count: int) -> bytes:
    """Return for each duration its difference to the known one before of the same test, modulo 255.

    A difference of nothing is 255, as 0 means that a duration is not known.
    """
    if not count:
        return b""
    found = bytearray(len(durations))
    last = 0
    for at, code in enumerate(durations):
        if at % count == 0:
            last = 0
        if code:
            found[at] = (code - last) % 255 or 255
            last = code
    return bytes(found)
