"""A real browser for the tests of pages: Debian's Chromium, with axe.

Without Chromium such tests are skipped, except in CI, where it has to be there.
"""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright

_CHROMIUM = shutil.which("chromium")
_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")


def require_chromium():
    """Skip the module that is imported now if there is no browser."""
    if _CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed: apt-get install chromium", allow_module_level=True)


@contextmanager
def chromium():
    """Yield a browser."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def load_axe(page):
    """Let a page be looked at by axe."""
    page.evaluate(_AXE.read_text())


def find_faults(page):
    """Return what axe finds on a page that has loaded it: `(name, elements)` of each kind of fault."""
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return {each["id"]: [node["html"][:200] for node in each["nodes"]][:3] for each in found}
