"""The table of sessions: one line for each, whatever the width of the terminal."""

import time
from typing import TYPE_CHECKING

from ...terminal.safe import safe_line
from ...terminal.screen import Listing
from ...terminal.words import Line, Word
from ..outcomes import COUNT_ORDER, OUTCOME_STYLES, plural, styled
from ..values import duration_text, local_text

if TYPE_CHECKING:
    from ....api.internal.history import History, SessionRow, TestRunTotal
    from ....api.internal.logs import RunState

HASH_LENGTH = 9
_LEAST = (
    {"session": 12, "state": 12, "counts": 24, "branch": 12, "sut": 10},
    {"branch": 6, "sut": 6},
    {"counts": 18},
    {"session": 8, "state": 9, "counts": 12},
)
"""Characters that are left of columns, step by step, where the terminal is narrow."""
_MINUTE_S = 60
_AGES = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def states_of(model: "History", rows: "list[SessionRow]") -> "dict[str, RunState]":
    """Return whether sessions run, by their streams."""
    return {row.stream: model.state_of(row) for row in rows}


def state_word(row: "SessionRow", state: "RunState") -> Word:
    """Return the state of a session in its colour, with a word on a clock that is ahead."""
    from ....api.internal.history import is_future, session_state

    word = session_state(row, state)
    return styled(word, f"{word}, in the future" if is_future(row.started_us) else word)


def age_text(started_us: int, now_us: int | None = None) -> str:
    """Return how long ago something was: `12 s`, `3 h`, `6 d`; the local time of what is in the future."""
    age_s = ((time.time_ns() // 1000 if now_us is None else now_us) - started_us) // 1_000_000
    if age_s < -_MINUTE_S:
        return local_text(started_us)[:10]
    return next((f"{age_s // size} {unit}" for size, unit in _AGES if age_s >= size), "0 s")


def counts_line(row: "SessionRow", state: "RunState" = "killed") -> Line:
    """Return the counts of a session in pytest's words and colours, and how many tests were cut or still run."""
    from ....api.internal.history import cut_count

    counts = dict(row.counts)
    cut = cut_count(row)
    if cut:
        counts["running" if state == "running" else "cut"] = cut
    return coloured_counts(counts)


def coloured_counts(counts: dict[str, int]) -> Line:
    """Return counts as `1 failed, 7 passed`, each in the colour of its word."""
    line = Line()
    for name in (*COUNT_ORDER, *sorted(counts.keys() - {*COUNT_ORDER})):
        if counts.get(name):
            comma = ", " if line.words else ""
            line.append(f"{comma}{counts[name]} {plural(counts[name], name)}", OUTCOME_STYLES.get(name, ""))
    if not line.words:
        line.append("no tests ran", OUTCOME_STYLES["no tests"])
    return line


def list_table(
    rows: "list[SessionRow]", total: "TestRunTotal | None" = None, states: "dict[str, RunState] | None" = None
) -> Listing:
    """Return a table of sessions, and the result of their test run."""
    from ....api.internal.history import branch_of

    suts = {row.sut for row in rows}
    hidden: set[str] = set() if len(suts) > 1 else {"sut"}
    columns = ["session", "state", "counts", "branch", "commit", ">age", "sut", "started", ">took"]
    table = Listing(*(name for name in columns if name not in hidden), least=_LEAST, optional=("started", "took"))
    for row in rows:
        state = (states or {}).get(row.stream, "killed")
        cells = {
            "session": safe_line(row.session_id),
            "state": state_word(row, state),
            "counts": counts_line(row, state),
            "branch": safe_line(branch_of(row)),
            "commit": Word(safe_line(row.commit[:HASH_LENGTH]), "yellow"),
            "age": age_text(row.started_us),
            "sut": safe_line(row.sut),
            "started": local_text(row.started_us),
            "took": duration_text(row.duration_us),
        }
        table.add_row(*(cells[name] for name in table.columns))
    if total is not None:
        cells = {
            "session": f"{total.sessions} in run",
            "state": styled(total.status),
            "counts": coloured_counts(dict(total.counts)),
            "age": age_text(total.started_us),
            "sut": safe_line(", ".join(total.suts)),
            "started": local_text(total.started_us),
            "took": duration_text(total.duration_us),
        }
        table.add_row(*(cells.get(name, "") for name in table.columns))
    return table
