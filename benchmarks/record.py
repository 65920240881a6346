"""What recording costs a run of trivial tests, beside junitxml, pytest-reportlog and pytest-json-report."""

import shutil
from pathlib import Path

from .measure import WORK, Cost, Figure, fresh_install, installed_python, rounds, run

TESTS = "import pytest\n\n\n@pytest.mark.parametrize('i', range({count}))\ndef test_x(i):\n    pass\n"
TARGET_US = 25


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the cost of recording per test, and beside others."""
    count = 500 if quick else 5000
    python = installed_python(
        "record", "pytest", "msgspec", "rich", "typer", "watchfiles", "pytest-reportlog", "pytest-json-report"
    )
    fresh_install(python)
    folder = WORK / "five-thousand"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")  # a root of its own
    (folder / "test_x.py").write_text(TESTS.format(count=count))
    off = {"insight": "insight", "reportlog": "reportlog", "jsonreport": "pytest_jsonreport", "metadata": "metadata"}

    def case(*args: str, on: tuple[str, ...] = ()) -> Cost:
        shutil.rmtree(WORK / "home", ignore_errors=True)
        disabled = [part for name, plugin in off.items() if name not in on for part in ("-p", f"no:{plugin}")]
        return run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *disabled, *args], folder)

    cases = {
        "bare": case,
        "insight": lambda: case("--insight", on=("insight",)),
        "junitxml": lambda: case(f"--junitxml={folder / 'report.xml'}"),
        "reportlog": lambda: case(f"--report-log={folder / 'report.log'}", on=("reportlog",)),
        "json-report": lambda: case(
            "--json-report", f"--json-report-file={folder / 'r.json'}", on=("jsonreport", "metadata")
        ),
    }
    costs = rounds(cases, 2 if quick else 9)
    extra = {name: (cost.cpu_s - costs["bare"].cpu_s) / count * 1e6 for name, cost in costs.items() if name != "bare"}
    bare = costs["bare"].cpu_s / count * 1e6
    others = ", ".join(f"{name} {value:.0f}" for name, value in extra.items() if name != "insight")
    insight = extra["insight"]
    return [
        Figure(
            "cost of recording a trivial test",
            f"{insight:.0f} us",
            f"<= {TARGET_US} us",
            insight <= TARGET_US,
            f"pytest itself {bare:.0f}; {others}",
        ),
        Figure(
            "recording against junitxml", f"{insight / extra['junitxml']:.2f}x", "< 1x", insight < extra["junitxml"]
        ),
        Figure(
            "recording against pytest-reportlog",
            f"{insight / extra['reportlog']:.3f}x",
            "< 0.125x",
            insight < extra["reportlog"] / 8,
        ),
    ]


def project_folder() -> Path:
    """Where the suite of trivial tests lies."""
    return WORK / "five-thousand"
