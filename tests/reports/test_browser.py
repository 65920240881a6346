"""The page of `insight report` in a real browser: with and without script, with a keyboard, on a phone, in the dark, on paper.

One browser serves all tests.
"""

import contextlib
import http.server
import io
import itertools
import json
import re
import threading
from functools import partial
from urllib.parse import quote

import pytest
from histories import write_session
from PIL import Image
from pytest_insight.cli.app import run
from pytest_insight.reports.marks import DRAWINGS
from pytest_insight.reports.page import environment
from real_browsers import chromium, find_faults, load_axe, require_chromium
from report_pages import BREAK, FLAKY, HUNG, SLOW, START, STEADY, hostile_log, make_report, shop_log

require_chromium()
JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self'"


@pytest.fixture(scope="module")
def browser():
    """Return the browser of all tests."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with reports about the scripted and the hostile history, and without any session."""
    made = tmp_path_factory.mktemp("pages")
    for name, lines in {"shop": shop_log(), "evil": hostile_log(), "empty": b""}.items():
        (made / f"{name}.jsonl").write_bytes(lines)
        make_report(made / f"{name}.jsonl", made).rename(made / f"{name}.html")
    assert run(["report", str(made / "shop.jsonl"), "--dir", str(made / "site")]) == 0
    return made


class Tab:
    """A page in the browser, with what went wrong in it.

    Args:
        browser: which one.
        address: of the page.
        options: of its context.
    """

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.page = self.context.new_page()
        self.wrong, self.requests = [], []
        self.page.on("console", lambda said: self.wrong.append(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)

    def go(self, address):
        """Follow an address within the page, and return what is shown."""
        self.page.evaluate("(hash) => { location.hash = hash; }", address)
        return self.text()

    def text(self):
        """Return the text of the page that is shown."""
        return self.page.evaluate("document.querySelector('.page.shown').innerText")


@pytest.fixture
def open_tab(browser, folder):
    """Return a function that opens a page; all are closed in the end."""
    with contextlib.ExitStack() as stack:

        def opened(name="shop.html", **options):
            tab = Tab(browser, name if "://" in name else (folder / name).as_uri(), **options)
            stack.callback(tab.context.close)
            return tab

        yield opened


@pytest.fixture(scope="module")
def served(folder):
    """Return the address of the folder over HTTP, below `/jenkins/` with the header of Jenkins."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path):
            return super().translate_path(path.removeprefix("/jenkins"))

        def end_headers(self):
            if self.path.startswith("/jenkins"):
                self.send_header("Content-Security-Policy", JENKINS)
            super().end_headers()

        def log_message(self, *words):
            pass

    (folder / "frame.html").write_text(
        "<link rel=icon href=data:,><iframe sandbox='allow-scripts' src='shop.html' width=900 height=700></iframe>"
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_from_a_file_nothing_is_asked_of_a_network_and_nothing_goes_wrong(open_tab):
    """All pages open without a request, a console message or an error."""
    tab = open_tab()
    for address in (
        "tests",
        "failures",
        "flaky",
        "slow",
        "sessions",
        "systems",
        "compare",
        f"t={quote(BREAK)}",
        "s=s11",
    ):
        assert tab.go(address), address
    assert tab.wrong == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in tab.requests if url.startswith("file:")]) == 1


def test_over_http_and_in_a_sandboxed_frame_everything_works(open_tab, served):
    """Where storage throws and the origin is opaque, search and pages work as well."""
    tab = open_tab(f"{served}/shop.html")
    assert "failed" in tab.go(f"t={quote(BREAK)}")
    assert tab.wrong == []
    assert {url.rpartition("/")[2] for url in tab.requests} == {"shop.html"}
    tab.page.goto(f"{served}/frame.html")
    frame = tab.page.frame_locator("iframe")
    frame.locator("#find").fill("partial")
    assert frame.locator("#rows a.name").first.inner_text().startswith("TestRefund::test_partial[eur]")
    assert tab.wrong == []


def test_without_script_and_under_the_header_of_jenkins_the_answers_are_there(open_tab, served):
    """Broken tests, strips, flaky tests, failures with a traceback, sessions cut short are texts; nothing is loading."""
    for tab in (
        open_tab(java_script_enabled=False),
        open_tab(f"{served}/jenkins/shop.html", java_script_enabled=False),
    ):
        text = tab.page.locator("body").inner_text()
        for words in (
            "1 test fails that was good at aaaaaaaaa",
            "new, never flaky",
            "same-source",
            "RuntimeError: db down",
            "Sessions cut short",
            "killed",
        ):
            assert words in text, words
        assert "loading" not in text.lower()
        strips = tab.page.locator("svg.strip")
        assert strips.count() > 5
        box = tab.page.locator("tr", has_text="test_partial").first.locator("svg.strip").bounding_box()
        assert box["width"] == 12 * 7


def test_in_a_folder_style_and_script_are_files(open_tab, served):
    """Over HTTP the page of --dir is styled and works, also when the header of Jenkins forbids its script."""
    tab = open_tab(f"{served}/site/index.html")
    assert "failed" in tab.go(f"t={quote(BREAK)}")
    assert tab.wrong == []
    plain = open_tab(f"{served}/jenkins/site/index.html", java_script_enabled=False)
    assert plain.page.locator("h1").first.is_visible()
    assert plain.page.locator(".group h2").first.evaluate("(each) => getComputedStyle(each).borderTopStyle") == "solid"


def test_hostile_texts_are_only_texts_on_every_page(open_tab):
    """No page has an element, a dialog or a link that a recorded text made."""
    tab = open_tab("evil.html")
    tests = tab.page.evaluate("[...document.querySelectorAll('a[data-t]')].map((each) => each.hash)")
    for address in (
        "#tests",
        "#failures",
        "#sessions",
        "#compare",
        *list(dict.fromkeys(tests))[:14],
        "#s=" + quote("s1<b>"),
    ):
        assert tab.go(address), address
        assert tab.page.evaluate("[window.owned, document.querySelectorAll('img,iframe,i,u').length]") == [None, 0]
    links = tab.page.evaluate("[...document.querySelectorAll('a[href]')].map((each) => each.protocol)")
    assert set(links) == {"file:"}
    assert "{{7*7}}" in tab.page.locator("body").inner_text()
    assert tab.wrong == []


def test_addresses_lead_to_tests_sessions_failures_and_commits(open_tab):
    """Each kind of address opens, scrolls and takes the focus; unknown ones say so; the back button works."""
    tab = open_tab()
    key = tab.page.evaluate("document.querySelector('.cluster').id.slice(2)")
    assert "Broken since bbbbbbbbb" in tab.go(f"t={quote(BREAK, safe='')}")
    assert tab.page.evaluate("document.activeElement.tagName") == "H1"
    assert "Session s05: killed" in tab.go("s=s05")
    assert "RuntimeError" in tab.go(f"c={key}")
    assert tab.page.evaluate("document.activeElement.id") == f"c-{key}"
    assert "1 test fails" in tab.go("since=bbbbbbbbb")
    assert "is not in this report" in tab.go("t=tests/none.py::test_x")
    assert "is not in this report" in tab.go("s=nope")
    tab.page.go_back()
    tab.page.go_back()
    assert "1 test fails" in tab.text()
    again = open_tab()
    again.page.goto(again.page.url + f"#t={quote(SLOW)}")
    again.page.reload()
    again.page.wait_for_selector("#test.shown")
    assert "Slower: " in again.text()


SIZES = {"wide": 1280, "phone": 390}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_wider_than_the_screen_and_none_has_a_known_fault(open_tab, size, scheme):
    """In light and dark, wide and narrow: nothing runs out to the right, and axe finds nothing on any page."""
    tab = open_tab(viewport={"width": SIZES[size], "height": 844}, color_scheme=scheme)
    load_axe(tab.page)
    found = {}
    for address in (
        "overview",
        "tests",
        "failures",
        "flaky",
        "slow",
        "sessions",
        "systems",
        f"t={quote(FLAKY)}",
        "s=s11",
        "compare",
    ):
        tab.go(address)
        wide = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide == 0, (address, wide)
        if (size, scheme) == ("phone", "light") or address in ("overview", "tests"):
            found |= {f"{address} {name}": places for name, places in find_faults(tab.page).items()}
    assert found == {}


def test_the_newest_session_is_seen_in_every_strip_of_a_phone(open_tab):
    """A strip that is too wide is cut on its left: the right end has the colour of the newest mark."""
    tab = open_tab(viewport={"width": 390, "height": 844})
    strip = tab.page.locator("tr", has_text="test_partial").first.locator("svg.strip")
    box = strip.bounding_box()
    assert box["x"] + box["width"] <= 390
    image = Image.open(io.BytesIO(strip.screenshot())).convert("RGB")
    assert image.getpixel((image.width - 4, image.height // 2)) == (0xB2, 0x18, 0x2B)


def test_the_table_of_all_tests_names_outages_and_lines_them_in(open_tab):
    """The session in which nearly everything failed is named above, and stands between grey lines in every strip."""
    tab = open_tab()
    tab.go("tests")
    tab.page.wait_for_selector("#grid-outages a")
    assert tab.page.locator("#grid-outages").inner_text().endswith("an outage in which nearly everything failed: s04.")
    drawn = tab.page.evaluate(
        "[...document.querySelectorAll('#tests svg.strip')].map((each) => each.querySelectorAll('.m-outage').length)"
    )
    assert set(drawn) == {1}
    tab.page.locator("#grid-outages a").click()
    assert "Session s04" in tab.page.locator("#session h1").inner_text()


def test_on_paper_no_row_is_clipped_and_marks_differ_without_colour(open_tab):
    """Tracebacks are open and wrapped when the page is printed, and the script's own pages are not on it."""
    tab = open_tab()
    tab.page.emulate_media(media="print")
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.page.locator(".cluster details[open]").count() == tab.page.locator(".cluster details").count() > 0
    shown = tab.page.evaluate("[...document.querySelectorAll('.page')].filter((each) => each.offsetParent).length")
    assert shown == 6
    clipped = tab.page.evaluate(
        "[...document.querySelectorAll('pre,td,th')].filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    )
    assert clipped == 0
    assert len(tab.page.pdf()) > 10_000


def luminance(color):
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_each_mark_stands_out_from_the_page():
    """Three to one, on white and on dark pages."""
    for word, drawing in DRAWINGS.items():
        assert contrast(drawing.light, "#ffffff") >= 3, word
        assert contrast(drawing.dark, "#0d1117") >= 3, word


def test_marks_differ_by_their_shape_alone(browser):
    """In black, seven pixels wide, no two marks cover the same pixels."""
    context = browser.new_context(viewport={"width": 300, "height": 60}, device_scale_factor=2)
    page = context.new_page()
    images = {}
    for word, drawing in DRAWINGS.items():
        page.set_content(
            f'<body style="margin:0"><svg width=7 height=20 style="display:block"><path fill-rule="evenodd" d="M0 0{drawing.path}"/></svg>'
        )
        images[word] = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": 7, "height": 20}))).convert(
            "L"
        )
    context.close()
    for (first, one), (second, other) in itertools.combinations(images.items(), 2):
        differing = sum(abs(a - b) > 128 for a, b in zip(one.tobytes(), other.tobytes(), strict=True))
        assert differing >= 20, (first, second, differing)


def test_the_keyboard_reaches_everything(open_tab):
    """`/` finds, Enter opens, Escape goes back, j and k move through the rows with a visible focus."""
    tab = open_tab()
    keys = tab.page.keyboard
    keys.press("Tab")
    assert tab.page.evaluate("document.activeElement.className") == "skip"
    keys.press("/")
    keys.type("partial")
    assert tab.page.locator("#rows a.name").count() == 1
    keys.press("Enter")
    tab.page.wait_for_selector("#test.shown")
    keys.press("Escape")
    tab.page.wait_for_selector("#tests.shown")
    tab.go("overview")
    keys.press("j")
    keys.press("j")
    second = tab.page.evaluate("document.activeElement.textContent")
    keys.press("k")
    assert tab.page.evaluate("document.activeElement.textContent") != second
    assert "partial" in tab.page.evaluate("document.activeElement.textContent")
    outline = "(each) => getComputedStyle(each).outlineStyle"
    assert tab.page.locator(":focus").evaluate(outline) == "solid"
    keys.press("Enter")
    tab.page.wait_for_selector("#test.shown")
    small = tab.page.evaluate(
        "[...document.querySelectorAll('nav a, button, summary, input, select')].filter((each) => each.offsetParent && each.getBoundingClientRect().height < 24).length"
    )
    assert small == 0


def test_three_clicks_lead_from_the_report_to_the_break_and_to_the_evidence(open_tab):
    """The break is on the first screen; a click opens its message or its test, another its session."""
    tab = open_tab()
    row = tab.page.locator("tr", has_text="test_partial").first
    for words in ("new, never flaky", "RuntimeError: db down"):
        assert words in row.inner_text()
    assert "Since bbbbbbbbb" in tab.page.locator(".group").first.inner_text()
    row.locator("a.name").click()
    assert "last good at aaaaaaaaa" in tab.text()
    tab.page.locator("#test a.hash").first.click()
    assert "Session s11: failed" in tab.text()
    other = open_tab()
    other.page.locator("nav a", has_text="Flaky").click()
    assert re.search(r"good in s06, failed in s07, both on 333333333", other.text())


def told(capsys, *words):
    """Return what a command prints as JSON."""
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_number_is_that_of_the_command_line(open_tab, folder, capsys):
    """All pages are read and compared with the JSON of the same questions."""
    log = str(folder / "shop.jsonl")
    span = ["--time", "2026-10-01..2026-12-01"]
    first, tab = told(capsys, log, *span), open_tab()
    overview = tab.go("overview")
    assert first["headline"].lower() in overview.lower()
    for row in first["groups"][0]["rows"]:
        assert row["message"] in overview
    assert f"Flaky {first['flaky_tests']} tests" in " ".join(overview.split())
    analysis = told(capsys, "analytics", "analyze", log, *span)
    flaky = " ".join(tab.go("flaky").split())
    assert flaky.startswith(f"{len({one['nodeid'] for one in analysis['flaky']})} flaky tests")
    for one in analysis["flaky"]:
        assert f"{one['rule']}, {one['count']} of {one['considered']} " in flaky
    failures = " ".join(tab.go("failures").split())
    clusters = told(capsys, "analytics", "failures", log, *span)["clusters"]
    for cluster in clusters:
        assert f"{cluster['count']} time{'s' * (cluster['count'] > 1)} in {len(cluster['tests'])} test" in failures
    summary = told(capsys, "analytics", "summary", log, *span)
    systems = " ".join(tab.go("systems").split())
    assert f"{summary['sessions']} sessions, {summary['tests']} tests, {summary['runs']} runs" in systems
    for verdict, count in summary["verdicts"].items():
        assert f"{count} {verdict}" in systems
    sessions = " ".join(tab.go("sessions").split())
    listed = told(capsys, "session", "list", log)
    listed = listed["sessions"] if isinstance(listed, dict) else listed
    for one in listed:
        words = [f"{count} {word}" for word, count in one["counts"].items()]
        assert f"{one['session_id']} {one['state']}" in sessions
        assert ", ".join(words) in sessions
    costs = {one["nodeid"]: one for one in analysis["cost"]}
    assert f"{costs[SLOW]['runs']}" in " ".join(tab.go("slow").split())
    for base, target in (("s10", "s11"), ("s02", "s03"), ("s03", "s04"), ("s05", "s06"), ("s06", "s07")):
        changed = told(capsys, "session", "compare", "--log", log, "--base", base, "--target", target)
        page = " ".join(tab.go(f"compare={base}..{target}").split())
        counts = [len(changed[name]) for name in ("new_failures", "new_passes", "still_failing")]
        assert page.startswith(
            f"{counts[0]} new failure{'s' * (counts[0] != 1)}, {counts[1]} fixed, {counts[2]} still failing"
        ), (base, target)
        lists = {"new_tests": "New tests", "missing_tests": "Lost", "newly_skipped": "Newly skipped"}
        for name, title in lists.items():
            assert (f"{title}: {len(changed[name])}" in page) == bool(changed[name]), (base, target, name)
    history = told(capsys, "test", "history", HUNG, "--log", log)
    tab.go(f"t={quote(HUNG)}")
    assert tab.page.locator("#test tbody tr").count() == len(history["runs"])


def test_empty_and_green_histories_have_pages_that_say_so(open_tab, folder):
    """Without sessions, and with one that passed, every page has its sentence and nothing goes wrong."""
    (folder / "green.jsonl").write_bytes(write_session("s0", 0, [(nodeid, "passed") for nodeid in STEADY], start=START))
    make_report(folder / "green.jsonl", folder).rename(folder / "green.html")
    for name, sentence in (("empty.html", "no session is recorded yet"), ("green.html", "nothing is broken")):
        tab = open_tab(name)
        assert sentence in tab.text().lower()
        for address in ("tests", "failures", "flaky", "slow", "sessions", "systems", "compare"):
            assert tab.go(address), address
        assert tab.wrong == []


def test_the_templates_have_no_name_that_may_be_missing():
    """A misspelt name in a template is an error, not an empty place."""
    with pytest.raises(Exception, match="undefined"):
        environment().from_string("{{ missing }}").render()
