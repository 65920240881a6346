"""What recording costs a run of trivial tests, in instructions of the processor.

The time of a run of one second varies by more than what recording adds to it, even on an idle machine; the number of
instructions is the same at each run. Counted is the loop of tests alone, as in `record`, by callgrind, which a small C
function switches on and off. Each case runs with few and with many tests: the difference is what a test takes.

Needs valgrind with its headers, and a C compiler; without them the benchmark says so and has no figures.
"""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .measure import WORK, Figure, environment, fresh_install, installed_python
from .record import JUNITXML_MAX, PACKAGES, REPORTLOG_MAX, TESTS

SWITCH = "#include <valgrind/callgrind.h>\nvoid toggle(void) { CALLGRIND_TOGGLE_COLLECT; }\n"
LOOP = """
import ctypes, pytest

toggle = ctypes.CDLL({library!r}).toggle


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop():
    toggle()
    result = yield
    toggle()
    return result
"""
FEW, MANY = 100, 500


def measure(*, quick: bool = False) -> list[Figure]:
    """Return what recording adds to a test, beside what others add."""
    folder = WORK / "instructions"
    folder.mkdir(parents=True, exist_ok=True)
    library = compiled_switch(folder)
    if library is None:
        print("no figures: valgrind, its headers and a C compiler are needed", file=sys.stderr)
        return []
    python = installed_python("record", *PACKAGES)
    fresh_install(python)
    sizes = (20, 60) if quick else (FEW, MANY)
    for size in sizes:
        write_suite(folder / str(size), size, library)
    off = {"insight": ["-p", "no:insight"], "reportlog": ["-p", "no:reportlog"]}
    cases = {
        "bare": [*off["insight"], *off["reportlog"]],
        "insight": ["--insight", *off["reportlog"]],
        "junitxml": ["--junitxml=report.xml", *off["insight"], *off["reportlog"]],
        "reportlog": ["--report-log=report.log", *off["insight"]],
    }

    def per_test(name: str) -> float:
        few, many = (counted(python, folder / str(size), name, cases[name]) for size in sizes)
        return (many - few) / (sizes[1] - sizes[0])

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(cases, pool.map(per_test, cases), strict=True))
    return figures(found)


def compiled_switch(folder: Path) -> Path | None:
    """Return a library whose `toggle` switches counting on and off, or None where it cannot be made."""
    compiler = shutil.which("cc")
    if compiler is None or shutil.which("valgrind") is None:
        return None
    source, library = folder / "switch.c", folder / "switch.so"
    source.write_text(SWITCH)
    done = subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], capture_output=True, check=False)
    return library if done.returncode == 0 else None


def write_suite(folder: Path, size: int, library: Path) -> None:
    """Write a suite of trivial tests whose loop is counted."""
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_x.py").write_text(TESTS.format(count=size))
    (folder / "conftest.py").write_text(LOOP.format(library=str(library)))


def counted(python: str, folder: Path, name: str, options: list[str]) -> int:
    """Return the instructions that the loop of tests of a suite takes with these options of pytest."""
    result = folder / f"{name}.callgrind"
    home = folder / f"{name}-home"
    shutil.rmtree(home, ignore_errors=True)
    (folder / "report.log").unlink(missing_ok=True)
    valgrind = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={result}"]
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    places = {"HOME": str(home), "PYTEST_INSIGHT_HOME": str(home), "PYTHONHASHSEED": "0"}
    subprocess.run([*valgrind, *pytest], cwd=folder, env=environment(**places), capture_output=True, check=True)
    found = re.search(r"^(?:summary|totals): (\d+)", result.read_text(), re.MULTILINE)
    if found is None or found[1] == "0":
        raise RuntimeError(f"{result}: nothing was counted")
    return int(found[1])


def figures(found: dict[str, float]) -> list[Figure]:
    """Return the figures of instructions per test by case."""
    extra = {name: value - found["bare"] for name, value in found.items() if name != "bare"}
    note = ", ".join(f"{name} {value / 1000:.0f},000" for name, value in extra.items())
    note = f"instructions a test: {note}; pytest itself {found['bare'] / 1000:.0f},000"
    return [
        ratio("junitxml", extra, JUNITXML_MAX, note),
        ratio("reportlog", extra, REPORTLOG_MAX, ""),
    ]


def ratio(other: str, extra: dict[str, float], target: float, note: str) -> Figure:
    """Return the cost of recording as a multiple of that of another."""
    value = extra["insight"] / extra[other]
    name = f"instructions of recording against {other}"
    return Figure(name, f"{value:.2f}x", f"<= {target}x", value <= target, note)
