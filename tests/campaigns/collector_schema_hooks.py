"""Bodies of JSON Lines for schemathesis: whole sessions, pieces of them, damaged lines, other bytes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import schemathesis
from collector_lines import session_lines
from hypothesis import strategies as st

LINES = st.integers(0, 200).map(lambda number: session_lines(number, number % 7))
PIECES = LINES.flatmap(lambda lines: st.lists(st.sampled_from(lines), max_size=8).map(b"".join))
DAMAGED = st.tuples(PIECES, st.integers(0, 2000), st.binary(max_size=9)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)
schemathesis.openapi.media_type("application/x-ndjson", st.one_of(PIECES, DAMAGED, st.binary(max_size=300)))
