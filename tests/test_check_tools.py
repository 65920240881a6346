"""The tools behind `make check` and `make test`: the files they look at, the processes and the folders of their tests."""

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import warm
from changed_sources import add_importers
from pure_tests import list_pure_tests
from scratch import NEEDED_BYTES, choose_folder

TOOLS = Path(__file__).parent.parent / "docs" / "tools"


def test_files_that_import_a_changed_one_are_checked_with_it():
    """A file that imports it through another is not: its own calls did not change."""
    graph = {"core/a.py": set(), "core/b.py": {"core/a.py"}, "cli/c.py": {"core/b.py"}, "cli/d.py": set()}
    assert add_importers({"core/a.py", "README.md"}, graph) == ["core/a.py", "core/b.py"]
    assert add_importers({"cli/d.py"}, graph) == ["cli/d.py"]
    assert add_importers(set(), graph) == []
    assert add_importers(None, graph) == sorted(graph), "in a copy without history"


def test_files_are_pure_unless_they_or_their_helpers_start_processes(tmp_path):
    """Also through a helper of a helper, and through a fixture whose file imports one."""
    files = {
        "starts.py": "import subprocess\n",
        "between.py": "from starts import run\n",
        "room/conftest.py": "import between\n\n\ndef server():\n    pass\n",
        "room/test_pure.py": "def test_a(tmp_path):\n    pass\n",
        "room/test_fixture.py": "def test_a(server):\n    pass\n",
        "test_helper.py": "import between\n",
        "test_pure.py": "import json\n",
    }
    for name, text in files.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = [path.relative_to(tmp_path / "tests").as_posix() for path in list_pure_tests(tmp_path)]
    assert found == ["room/test_pure.py", "test_pure.py"]


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "worker"])
def test_a_test_that_starts_a_process_fails(tmp_path, workers, monkeypatch):
    """Also in a worker of pytest-xdist, whose loop of tests is its own."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_a.py").write_text(
        "import subprocess, sys\n\n\n"
        "def test_starts():\n    subprocess.run([sys.executable, '-c', ''])\n\n\n"
        "def test_asks_git():\n    subprocess.run(['git', '--version'])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(TOOLS))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no_processes", *workers, "test_a.py"]
    result = warm.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 failed, 1 passed" in result.stdout, result.stdout + result.stderr
    assert "in a test of `make check`" in result.stdout


@pytest.mark.parametrize(
    ("room", "memory", "flags", "chosen"),
    [
        (NEEDED_BYTES, NEEDED_BYTES, 0, True),
        (64 << 20, NEEDED_BYTES, 0, False),
        (NEEDED_BYTES, 64 << 20, 0, False),
        (NEEDED_BYTES, NEEDED_BYTES, os.ST_NOEXEC, False),
    ],
    ids=["useful", "small as in a container", "memory is used", "no programs"],
)
def test_temporary_files_are_in_memory_where_there_is_room(tmp_path, monkeypatch, room, memory, flags, chosen):
    """Otherwise they are where they always are."""
    told = tmp_path / "meminfo"
    told.write_text(f"MemTotal: 1 kB\nMemAvailable: {memory >> 10} kB\n")
    state = SimpleNamespace(f_bavail=room >> 12, f_frsize=1 << 12, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda _: state)
    assert choose_folder(tmp_path, told) == (tmp_path if chosen else Path(tempfile.gettempdir()))


def test_without_a_folder_in_memory_temporary_files_are_where_they_always_are(tmp_path):
    """As on other systems."""
    assert choose_folder(tmp_path / "none") == Path(tempfile.gettempdir())
    assert choose_folder(tmp_path, tmp_path / "none") == Path(tempfile.gettempdir())
