"""Columns of a session as the read model of the command line stores them, with the numbers of this database."""

from array import array
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ...projections.parts import Rows
from ...projections.whole import WholePart
from ..database.view_tables import CONTENT_COLUMNS, NOTABLE_COLUMNS, PACKED_COLUMNS

_DIGEST_SIZE: Final = 16


def announced_numbers(whole: WholePart) -> set[int]:
    """Return the numbers of the node ids that a session announced, as far as it keeps them."""
    return {number for column in whole.head.announced.values() for number in array("I", column)}


def pack_session(whole: WholePart, numbers: Mapping[int, int], failures: bytes | None) -> dict[str, Any]:
    """Return the columns of a folded session.

    Args:
        whole: the session, with its rows.
        numbers: those of this database, by those of the fold.
        failures: lines of its failed attempts, packed.
    """
    rows = whole.head.rows
    announced = {worker: _renumber(column, numbers) for worker, column in whole.head.announced.items()}
    head = msgspec.structs.replace(whole.head, rows=Rows(), announced=announced)
    counts, _, notable, _ = whole.settled
    sorted_numbers = (array("I", sorted(array("I", _renumber(column, numbers)))).tobytes() for column in notable)
    columns = dict(zip(PACKED_COLUMNS, msgspec.structs.astuple(rows), strict=True))
    reported = set(array("I", rows.nodes))
    left = sorted(numbers[number] for number in announced_numbers(whole) - reported)
    return {
        "state": msgspec.msgpack.encode(head),
        "verdicts": msgspec.json.encode(dict(sorted(counts.items()))),
        **dict(zip(NOTABLE_COLUMNS, sorted_numbers, strict=True)),
        **columns,
        "nodes": _renumber(rows.nodes, numbers),
        "unreported": left or None,
        "failures": failures,
    }


def digest_of_packed(columns: Mapping[str, Any], missing: int) -> bytes:
    """Return a digest that tells the content of a session from any other, of whatever database.

    Args:
        columns: of the session, packed.
        missing: number of announced tests without a verdict.
    """
    content = [missing, *(columns[name] for name in CONTENT_COLUMNS)]
    return blake2b(msgspec.msgpack.encode(content), digest_size=_DIGEST_SIZE).digest()


def _renumber(column: bytes, numbers: Mapping[int, int]) -> bytes:
    return array("I", map(numbers.__getitem__, array("I", column))).tobytes()
