"""Contents of a month: its sessions, with digests that tell whether one of them changed."""

import hashlib
from array import array
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ..core.history.history import History
from ..projections.session_row import SessionRow
from .columns import SessionResults, Values, read_results
from .schema import OF_SESSION, VERSION

_DIGEST_BYTES = 16


class MonthContents(NamedTuple):
    """The sessions of a month in order of their start, and what they are told apart by."""

    rows: list[SessionRow]
    digests: list[str]
    """Of each session and its results."""
    results: int
    """Number of results of all of them."""

    @property
    def fingerprint(self) -> str:
        """Digest of all of them; empty for no session."""
        return fingerprint_of(self.digests)

    @property
    def by_stream(self) -> dict[str, str]:
        """Digests by the streams of the sessions."""
        return {row.stream: digest for row, digest in zip(self.rows, self.digests, strict=True)}


def fingerprint_of(digests: Iterable[str]) -> str:
    """Return the digest of a month from those of its sessions; empty for no session."""
    text = "".join(sorted(digests))
    return _hash(text.encode()) if text else ""


def read_contents(model: History, rows: list[SessionRow], values: Values) -> MonthContents:
    """Return what a month with some sessions has to hold.

    Args:
        model: where they are stored.
        rows: the sessions.
        values: values that repeat; new ones are added.
    """
    ordered = sorted(rows, key=lambda row: (row.started_us, row.stream))
    digests: list[str] = []
    results = 0
    for row in ordered:
        found = read_results(model, row, values)
        results += len(found)
        digests.append(digest_of(found, values))
    return MonthContents(ordered, digests, results)


def digest_of(results: SessionResults, values: Values) -> str:
    """Return a digest of a session and all its results; the same for the same values, in whichever log they are."""
    row = results.row
    facts = [VERSION, *(read(row) for _, read in OF_SESSION)]
    workers = set(results.workers)
    parts = [
        msgspec.json.encode(facts),
        "\0".join(map(values.names.__getitem__, results.nodes)).encode(),
        *_encode_ends(results.verdicts, values),
        results.durations.tobytes(),
        "\0".join(map(values.workers.__getitem__, results.workers if len(workers) > 1 else workers)).encode(),
        msgspec.json.encode(sorted(results.failures.items())),
    ]
    return _hash(b"".join(len(part).to_bytes(8, "big") + part for part in parts))


_SIMPLE_ENDS = 256
"""Numbers of ends below this are codes of attempts, the same in each log."""


def _encode_ends(ends: "array[int]", values: Values) -> tuple[bytes, bytes]:
    """Return how tests ended, without the numbers that depend on what was read before."""
    if not ends or max(ends) < _SIMPLE_ENDS:
        return ends.tobytes(), b""
    others = [values.ends[number] for number in ends if number >= _SIMPLE_ENDS]
    return array("I", [min(number, _SIMPLE_ENDS) for number in ends]).tobytes(), msgspec.json.encode(others)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()
