"""Pages of a collector in a real browser: logging in, following, and logging out.

Without Chromium they are skipped, except in CI, where it has to be there.
"""

import os
import shutil
from pathlib import Path

import axe_playwright_python
import pytest
from histories import write_session
from playwright.sync_api import sync_playwright
from report_pages import BREAK, START, STEADY, shop_log

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("chromium is not installed: apt-get install chromium", allow_module_level=True)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")


@pytest.fixture(scope="module")
def chromium():
    """A browser."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def check_look(page):
    """Nothing runs out to the right, and axe finds nothing."""
    page.wait_for_load_state("load")  # with its style
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    page.evaluate(AXE.read_text())
    faults = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in faults] == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_somebody_logs_in_follows_a_push_and_logs_out(chromium, team, width, scheme):
    """A link leads through the form to its page; that page follows; after the end of the login nothing is shown."""
    team.push(shop_log())
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{team.url}/test?id={BREAK}")
    assert "/login?next=" in page.url
    check_look(page)
    page.fill("#key", "ik_00000000_wrong")
    page.click("text=Log in >> nth=-1")
    page.locator("[role=alert]", has_text="there is no such key").wait_for()
    check_look(page)
    page.fill("#key", team.key)
    page.keyboard.press("Enter")
    page.locator("h1", has_text=BREAK.rpartition("::")[2]).wait_for()
    check_look(page)
    page.goto(f"{team.url}/sessions")
    page.locator("h1", has_text="13 sessions").wait_for()
    page.evaluate("window.same = true")
    team.push(write_session("newest", 0, [(nodeid, "passed") for nodeid in STEADY], start=START.replace(day=6)))
    page.locator("h1", has_text="14 sessions").wait_for()
    assert page.evaluate("window.same") is True
    page.click("#account button")
    assert page.url == f"{team.url}/login"
    page.go_back()
    page.reload()
    assert "/login?next=%2Fsessions" in page.url
    assert said == []
    context.close()
