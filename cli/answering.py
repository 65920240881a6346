"""A process that answers questions of the collector: one command after the other, read from standard input.

Each line is `{"home": ..., "team": ..., "arguments": [...]}`; the answer is a line `[exit code, output, errors,
position]`. The question is about the team's tables in the database; without a team about the log that it names.
"""

import contextlib
import io
import os
import sys

import msgspec

from ..collector.bodies.store import BodiesUnavailableError
from ..collector.history.asking import URL_VARIABLE, HistoryBehindError, TeamHistories
from ..collector.ingest.segments import SegmentDamagedError
from .app import run
from .arguments.logs import ReadingState

EXIT_LATER = 75
"""Exit code of a question that may be answered later."""

EXIT_DAMAGED = 76
"""Exit code of a question that needs a segment that is damaged."""

_Answer = tuple[int, str, str, int]


class AskedCommand(msgspec.Struct):
    """A command to run."""

    home: str
    arguments: list[str]
    team: int = 0


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    histories = TeamHistories(os.environ.pop(URL_VARIABLE, ""))
    for line in sys.stdin.buffer:
        asked = msgspec.json.decode(line, type=AskedCommand)
        os.environ["PYTEST_INSIGHT_HOME"] = asked.home
        answers.write(msgspec.json.encode(_reply(asked, histories)) + b"\n")
        answers.flush()


def _reply(asked: AskedCommand, histories: TeamHistories) -> _Answer:
    if not asked.team:
        return (*_answer(asked.arguments), 0)
    try:
        with histories.open(asked.team) as (history, position):
            ReadingState.history = history
            try:
                return (*_answer(asked.arguments), position)
            finally:
                ReadingState.history = None
    except HistoryBehindError as error:
        return EXIT_LATER, "", str(error), 0


def _answer(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BodiesUnavailableError as error:
            code, err = EXIT_LATER, io.StringIO(str(error))
        except SegmentDamagedError as error:
            code, err = EXIT_DAMAGED, io.StringIO(str(error))
        except Exception as error:  # noqa: BLE001 - a defect in one answer must not end the others; it is told as one
            code, err = 3, io.StringIO(f"{type(error).__name__}: {error}")
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    main()
