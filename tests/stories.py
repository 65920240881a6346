"""The example that records the week of a small project, as a module whose runs are forks: see warm.py."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import warm

CLOCK = """
import os, time
_time_ns = time.time_ns
time.time_ns = lambda: _time_ns() + int(os.environ.get("SHOP_CLOCK_SHIFT_S", "0")) * 10**9
time.time = lambda: time.time_ns() / 1e9
"""
"""As in the example, for processes that are forked with another shift."""
STORY = Path(__file__).parent.parent / "docs" / "examples" / "shop_history.py"


def load_script(path: Path) -> ModuleType:
    """Return a script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_story() -> ModuleType:
    """Return the example; what it starts with `Popen` are forks."""
    story = load_script(STORY)
    story.CLOCK = CLOCK
    story.subprocess = SimpleNamespace(Popen=warm.Popen, run=subprocess.run, DEVNULL=subprocess.DEVNULL)
    return story
