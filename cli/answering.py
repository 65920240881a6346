"""A process that answers questions of the collector: one command after the other, read from standard input.

Each line is `{"home": ..., "log": ..., "arguments": [...]}`; the answer is a line `[exit code, output, errors]`.
"""

import contextlib
import io
import os
import sys

import msgspec

from .app import run


class AskedCommand(msgspec.Struct):
    """A command to run."""

    home: str
    arguments: list[str]


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    for line in sys.stdin.buffer:
        asked = msgspec.json.decode(line, type=AskedCommand)
        os.environ["PYTEST_INSIGHT_HOME"] = asked.home
        answers.write(msgspec.json.encode(_answer(asked.arguments)) + b"\n")
        answers.flush()


def _answer(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception as error:  # noqa: BLE001 - a defect in one answer must not end the others; it is told as one
            code, err = 3, io.StringIO(f"{type(error).__name__}: {error}")
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    main()
