"""Pages of a collector in a real browser: logging in, following, and logging out."""

import pytest
from histories import write_session
from real_browsers import chromium, find_faults, load_axe, require_chromium
from report_pages import BREAK, START, STEADY, shop_log

require_chromium()


@pytest.fixture(scope="module")
def browser():
    """A browser."""
    with chromium() as found:
        yield found


def check_look(page):
    """Nothing runs out to the right, and axe finds nothing."""
    page.wait_for_load_state("load")  # with its style
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    load_axe(page)
    assert find_faults(page) == {}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_somebody_logs_in_follows_a_push_and_logs_out(browser, team, width, scheme):
    """A link leads through the form to its page; that page follows; after the end of the login nothing is shown."""
    team.push(shop_log())
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
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
