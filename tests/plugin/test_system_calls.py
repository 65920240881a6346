"""What a recorded test costs in system calls."""

import os
import re
import shutil
import subprocess
import sys

import pytest

TESTS = "import pytest\n\n\n@pytest.mark.parametrize('i', range({count}))\ndef test_x(i):\n    pass\n"


def calls(folder, count: int, *args: str) -> int:
    """System calls of a whole pytest run of so many trivial tests, on the session's file and elsewhere."""
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_x.py").write_text(TESTS.format(count=count))
    trace = folder / "trace"
    env = {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    }
    env |= {"HOME": str(folder), "PYTEST_INSIGHT_HOME": str(folder / "home"), "PYTHONHASHSEED": "0"}
    command = ["strace", "-f", "-qq", "-c", "-o", str(trace), sys.executable, "-B", "-m", "pytest", "-qq"]
    command += ["-p", "no:cacheprovider", *args]
    subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=300, check=True)
    total = re.search(r"^100\.00 .*?(\d+)(?:\s+\d+)? total$", trace.read_text(), re.MULTILINE)
    assert total is not None
    return int(total[1])


FEW, MANY = 100, 400


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """System calls for more tests of a run that is not recorded."""
    return calls_for_more(tmp_path_factory.mktemp("bare"))


def calls_for_more(folder, *args: str) -> int:
    """System calls of a run of many tests less those of a run of few."""
    return calls(folder / "many", MANY, *args) - calls(folder / "few", FEW, *args)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("place", ["profile", "named"])
def test_a_recorded_test_costs_two_system_calls(tmp_path, bare, place):
    """Of 300 more tests: the calls of a recorded run less those of one that is not, counted by strace."""
    args = ["--insight"] if place == "profile" else [f"--insight-log={tmp_path / 'log.jsonl'}"]
    each = (calls_for_more(tmp_path, *args) - bare) / (MANY - FEW)
    print(f"system calls per recorded test: {each:.3f}")
    assert each <= 2.1
