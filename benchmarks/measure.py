"""Run programs and measure them: wall time, processor time, memory."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".bench"


@dataclass
class Cost:
    """What a program took."""

    wall_s: float
    cpu_s: float


@dataclass
class Figure:
    """One measured figure beside its target."""

    name: str
    value: str
    target: str
    ok: bool
    note: str = ""


def environment(**more: str) -> dict[str, str]:
    """An environment in which no outer pytest or profile shines through."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    return outer | {"PYTEST_INSIGHT_HOME": str(WORK / "home"), "HOME": str(WORK / "home")} | more


def run(command: list[str], cwd: Path | None = None, **more: str) -> Cost:
    """Run a program to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    result = subprocess.run(command, cwd=cwd, env=environment(**more), stdout=quiet, stderr=quiet, check=False)
    wall_s = time.perf_counter() - began
    if result.returncode not in (0, 1):
        raise RuntimeError(f"ended with {result.returncode}, so its time means nothing: {' '.join(command)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def rounds(cases: dict[str, Callable[[], Cost]], count: int) -> dict[str, Cost]:
    """Run cases in turn, so that whatever else the machine does meets all alike; the median of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(count):
        for name, case in cases.items():
            costs[name].append(case())
    return {
        name: Cost(statistics.median(c.wall_s for c in found), statistics.median(c.cpu_s for c in found))
        for name, found in costs.items()
    }


def peak_memory_mb(code: str, *args: str) -> tuple[float, str]:
    """Run Python code in a process of its own; its peak resident memory and what it printed."""
    # Not RUSAGE_SELF: a process starts with the peak of the one that forked it.
    own = "int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024"
    tail = f"\nimport resource as _r; print({own}, _r.getrusage(_r.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    command = [sys.executable, "-c", code + tail, *args]
    output = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, cwd=ROOT).stdout
    *printed, last = output.strip().splitlines()
    return max(map(int, last.split())), "\n".join(printed)


def installed_python(name: str, *packages: str) -> str:
    """A Python of its own with these packages; an editable install would measure its import hook as well."""
    folder = WORK / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        (folder / ".ready").touch()
    return str(python)


def fresh_install(python: str) -> None:
    """Install the project as it is now."""
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"]
    subprocess.run([*pip, str(ROOT)], check=True)
