"""What recording costs a run of trivial tests, beside junitxml and pytest-reportlog.

Measured is the processor time of the test loop alone, in alternating runs: the time of a whole run holds the start of
Python and of pytest, which vary more than what is to be measured. Of the runs of each case the fastest counts, as other
load on the machine only ever adds. `record_instructions` measures what no load changes.
"""

import shutil
from pathlib import Path

from .measure import WORK, Figure, fresh_install, installed_python, run

TESTS = "import pytest\n\n\n@pytest.mark.parametrize('i', range({count}))\ndef test_x(i):\n    pass\n"
LOOP = """
import os, time, pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop():
    began = time.process_time()
    result = yield
    with open(os.environ.get("LOOP_SECONDS", os.devnull), "w") as out:
        out.write(str(time.process_time() - began))
    return result
"""
PACKAGES = ("pytest", "msgspec", "rich", "typer", "watchfiles", "pytest-reportlog")
COUNT = 1000
ROUNDS = 24
JUNITXML_MAX = 0.75
REPORTLOG_MAX = 0.5


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the cost of recording per test, and beside others."""
    python = installed_python("record", *PACKAGES)
    fresh_install(python)
    folder = project_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")  # a root of its own
    (folder / "test_x.py").write_text(TESTS.format(count=COUNT))
    (folder / "conftest.py").write_text(LOOP)
    off = {"insight": "insight", "reportlog": "reportlog"}
    result = folder / "seconds"

    def loop_us(*args: str, on: tuple[str, ...] = ()) -> float:
        shutil.rmtree(WORK / "home", ignore_errors=True)
        (folder / "report.log").unlink(missing_ok=True)
        disabled = [part for name, plugin in off.items() if name not in on for part in ("-p", f"no:{plugin}")]
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *disabled, *args]
        run(command, folder, LOOP_SECONDS=str(result))
        return float(result.read_text()) / COUNT * 1e6

    cases = {
        "bare": loop_us,
        "insight": lambda: loop_us("--insight", on=("insight",)),
        "junitxml": lambda: loop_us(f"--junitxml={folder / 'report.xml'}"),
        "reportlog": lambda: loop_us(f"--report-log={folder / 'report.log'}", on=("reportlog",)),
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(4 if quick else ROUNDS):
        for name, case in cases.items():
            found[name].append(case())
    return figures({name: min(values) for name, values in found.items()})


def figures(low: dict[str, float]) -> list[Figure]:
    """Return the figures of microseconds per test by case."""
    extra = {name: value - low["bare"] for name, value in low.items()}
    junitxml, reportlog = extra["insight"] / extra["junitxml"], extra["insight"] / extra["reportlog"]
    others = ", ".join(f"{name} {value:.0f}" for name, value in extra.items() if name not in ("insight", "bare"))
    note = f"{extra['insight']:.0f} us a test; pytest itself {low['bare']:.0f}; {others}"
    return [
        Figure(
            "recording against junitxml",
            f"{junitxml:.2f}x",
            f"<= {JUNITXML_MAX}x",
            junitxml <= JUNITXML_MAX,
            note,
        ),
        Figure(
            "recording against pytest-reportlog",
            f"{reportlog:.2f}x",
            f"<= {REPORTLOG_MAX}x",
            reportlog <= REPORTLOG_MAX,
        ),
    ]


def project_folder() -> Path:
    """Where the suite of trivial tests lies."""
    return WORK / "trivial-tests"
