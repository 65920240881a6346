"""Pages of the dashboard in a real browser: they follow the log and stay as their reader left them.

One browser and one server serve all tests.
"""

from datetime import timedelta
from urllib.parse import quote

import pytest
from dashboard_pages import served_dashboard
from histories import write_session
from real_browsers import chromium, find_faults, load_axe, require_chromium
from report_pages import FLAKY, SLOW, START, STEADY, shop_log

require_chromium()
NEW = ("/tests", "/compare", "/session?", "/test?")
ADDRESSES = [
    "/", "/tests", "/failures", "/flaky", "/slow", "/sessions", "/systems", "/compare?base=s03&target=s04", "/session?id=s11",
    f"/test?id={quote(SLOW)}",
]  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return the log of the scripted history, which grows in these tests."""
    path = tmp_path_factory.mktemp("open") / "shop.jsonl"
    path.write_bytes(shop_log())
    return path


@pytest.fixture(scope="module")
def served(log):
    """Return a dashboard with a token."""
    with served_dashboard(str(log)) as found:
        yield found


@pytest.fixture(scope="module")
def entered(served):
    """Return a browser, and the cookies of a context that opened the printed address."""
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.address)
        assert page.url == served.site + "/"
        assert "token" not in page.content()
        yield browser, context.storage_state()


@pytest.fixture
def open_page(entered, served):
    """Return a function that opens an address; what goes wrong in it fails the test."""
    browser, state = entered
    contexts, wrong = [], []

    def opened(address, context=None, **options):
        if context is None:
            context = browser.new_context(
                **{"viewport": {"width": 1280, "height": 700}, "storage_state": state} | options
            )
            contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(served.site + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def add_session(log, outcome="passed"):
    """Append a session to the log, and return how many it has then, in the words of the pages."""
    number = log.read_bytes().count(b'"session.started"')
    results = [(nodeid, outcome) for nodeid in STEADY]
    with log.open("ab") as stream:
        stream.write(write_session(f"n{number}", 0, results, start=START.replace(day=6) + timedelta(minutes=number)))
    return f"{number + 1} sessions"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_page_is_wider_than_the_screen_and_none_has_a_known_fault(open_page, served, width, scheme):
    """Wide and light, narrow and dark: nothing runs out to the right, axe finds nothing, and no file is missing."""
    page = open_page("/", viewport={"width": width, "height": 844}, color_scheme=scheme)
    asked = []
    page.on("response", lambda answer: asked.append((answer.url, answer.status)))
    found = {}
    for address in ADDRESSES:
        page.goto(served.site + address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0, address
        if not address.startswith(NEW):  # the others are those of the report
            continue
        load_axe(page)
        found |= {f"{address} {name}": places for name, places in find_faults(page).items()}
    assert found == {}
    assert [each for each in asked if each[1] >= 400 or not each[0].startswith(served.site)] == []


def test_after_a_change_a_page_is_as_its_reader_left_it(open_page, log):
    """A new session appears; scroll, focus, what was typed and open details stay, and the page is not loaded again."""
    page = open_page("/failures")
    page.evaluate("window.same = true")
    page.locator("summary").first.click()
    page.locator("#find").fill("refund")
    page.evaluate("document.getElementById('find').setSelectionRange(2, 2)")
    page.evaluate("document.body.style.minHeight = '3000px'; scrollTo(0, 300)")
    count = add_session(log, "failed")
    page.wait_for_selector("html[data-swaps]", state="attached")
    page.locator("h1", has_text=count).wait_for()
    state = page.evaluate(
        "[window.same, document.querySelector('details').open, document.activeElement.id, document.activeElement.value,"
        " document.activeElement.selectionStart, scrollY]"
    )
    assert state == [True, True, "find", "refund", 2, 300]


def test_selected_text_stays_until_it_is_let_go(open_page, log):
    """While a reader has text selected the page waits; it follows when the selection ends."""
    page = open_page("/sessions")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    count = add_session(log)
    open_page("/sessions", page.context).locator("h1", has_text=count).wait_for()
    selected = "getSelection().toString().includes('sessions')"
    assert page.evaluate(f"[document.documentElement.dataset.swaps || null, {selected}]") == [None, True]
    page.evaluate("getSelection().removeAllRanges()")
    page.locator("h1", has_text=count).wait_for()


def test_seven_tabs_share_one_stream_and_hidden_ones_have_none(open_page, log):
    """One tab listens and tells the others; a hidden one lets go of the stream, and is up to date when it is seen again."""
    first = open_page("/sessions")
    tabs = [first, *(open_page("/sessions", first.context) for _ in range(6))]
    listening = "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/events')).length"
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    for tab in tabs[:3]:
        tab.evaluate(hide, True)
    before = first.locator("h1").inner_text()
    count = add_session(log)
    for tab in tabs[3:]:
        tab.locator("h1", has_text=count).wait_for()
    assert first.locator("h1").inner_text() == before
    first.evaluate(hide, False)
    first.locator("h1", has_text=count).wait_for()
    assert sum(tab.evaluate(listening) for tab in tabs[3:]) <= 4


def test_without_script_pages_and_search_work(open_page):
    """A form finds tests, links lead on, and nothing says that it is loading."""
    page = open_page("/", java_script_enabled=False)
    page.locator("#find").fill("test_rate[usd]")
    page.locator("#find").press("Enter")
    page.locator("table a.name").first.click()
    assert "Flaky by rule same-source" in page.locator("main").inner_text()
    page.get_by_role("link", name="Compare").click()
    page.locator("select[name=base]").select_option("s03")
    page.locator("select[name=target]").select_option("s04")
    page.locator("main button").click()
    assert "34 new failures" in page.locator("h1").inner_text()
    assert "oading" not in page.locator("body").inner_text()


def test_keys_go_through_rows_open_one_and_lead_back(open_page, served):
    """j and k move through the rows of every page, Enter opens one, Esc goes back; typing is not disturbed."""
    page = open_page("/flaky")
    focused = "document.activeElement.textContent"
    assert "j and k rows" in page.locator("#keys").inner_text()
    names = page.locator("main a.name").all_inner_texts()
    seen = []
    for key in "jjk":
        page.keyboard.press(key)
        seen.append(page.evaluate(focused))
    assert seen == [names[0], names[1], names[0]]
    page.keyboard.press("Enter")
    page.locator("h1", has_text=names[0]).wait_for()
    page.locator("#keys", has_text="Esc back").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{served.site}/flaky")
    page.locator("#find").fill("")
    page.keyboard.type("jk")
    assert page.locator("#find").input_value() == "jk"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "find"
    page.goto(f"{served.site}/sessions")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('table.sessions') !== null")


def test_keys_and_links_of_a_page_work(open_page, served):
    """`/` goes to the search; the address of a page is that of what it shows, and opens it again."""
    page = open_page("/flaky")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.get_by_role("link", name="test_rate[usd]").click()
    assert page.url == f"{served.site}/test?id={quote(FLAKY, safe='')}"
    page.reload()
    assert page.locator("h1").inner_text() == "test_rate[usd]"
