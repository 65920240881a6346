"""Start pytest from a recorded history, and show a session as its terminal did."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ....api.internal.logs import BAD, GOOD

if TYPE_CHECKING:
    from ....api.internal.history import History, SessionRow

_BEFORE = ("test_session_starts",)


def run_pytest(arguments: list[str], *, sut: str | None, profile: str | None, log: Path | None) -> int:
    """Run pytest with recording, with our terminal as its own, and return its exit code."""
    options = ["--insight"]
    options += [f"--insight-sut={sut}"] if sut else []
    options += [f"--insight-profile={profile}"] if profile else []
    options += [f"--insight-log={log}"] if log else []
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 2  # pytest got the signal too, has ended its session, and says this for it


def rerun_pytest(tests: list[str], arguments: list[str], *, sut: str | None, profile: str | None) -> int:
    """Run some tests with recording, and return pytest's exit code.

    Args:
        tests: node ids that `check_node_ids` accepted; their number is not bounded by what a command line can hold.
        arguments: for pytest, from the user.
        sut: system under test to record; it may come from a log, and is one argument whatever it holds.
        profile: profile to record into.
    """
    from ....api.internal.logs import open_private

    with tempfile.TemporaryDirectory(prefix="insight-") as folder:
        listed = Path(folder) / "tests"
        with open_private(listed) as out:
            out.write(("\n".join(tests) + "\n").encode())
        return run_pytest([f"@{listed}", *arguments], sut=sut, profile=profile, log=None)


def left_over(model: "History", row: "SessionRow", *, failed: bool, not_run: bool, all_but_passed: bool) -> list[str]:
    """Return what a session left failing, unfinished or not collected, in the order of its log."""
    from ....api.internal.history import not_run_tests, run_of_row

    both = not (failed or not_run or all_but_passed)
    tests = run_of_row(model, row).tests
    running = {nodeid for nodeid, _, _ in row.part.open}
    wanted: dict[str, None] = {}
    if failed or both or all_but_passed:
        wanted.update(dict.fromkeys(row.part.collect_failed))  # its tests are not known, so the module runs again
    for nodeid, test in tests.items():
        is_running = nodeid in running
        fits = (
            (test.verdict in BAD and not is_running and (failed or both))
            or (is_running and (not_run or both))
            or (all_but_passed and test.verdict not in GOOD)
        )
        if fits:
            wanted[nodeid] = None
    if failed or both or all_but_passed:
        wanted.update(dict.fromkeys(row.part.collect_failed))
    if not_run or both or all_but_passed:
        wanted.update(dict.fromkeys(not_run_tests(model, row, set(tests) - running)))
    return list(wanted)


def play(model: "History", row: "SessionRow", until: int | None) -> Iterator[str]:
    """Yield what the terminal showed, section by section; tests in between as pytest's verbose mode has them.

    Args:
        model: where the session is.
        row: the session.
        until: `seq` of the last event to show; None for all.
    """
    from ....api.internal.logs import OutputRecorded, TestFinished, TestStarted
    from ...formatters.event_lines import named_outcome

    shown: list[OutputRecorded] = []
    lines: list[str] = []
    running: dict[str, None] = {}
    for record in model.records_of(row):
        if until is not None and record.envelope.seq > until:
            continue
        event = record.event()
        if isinstance(event, TestStarted):
            running[event.nodeid] = None
        elif isinstance(event, TestFinished):
            running.pop(event.nodeid, None)
            reason = f" ({event.reason})" if event.reason else ""
            lines.append(f"{event.nodeid} {named_outcome(event).upper()}{reason}\n")
        elif isinstance(event, OutputRecorded):
            shown.append(event)
    yield from (event.content for event in shown if event.name in _BEFORE)
    yield from lines
    yield from (f"{nodeid} ... running\n" for nodeid in running)
    yield from (event.content for event in shown if event.name not in _BEFORE)
