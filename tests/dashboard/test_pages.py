"""Pages of the dashboard, asked without a server: what they show, their headers, and a log that changes under them."""

import json
import re
from urllib.parse import quote

import pytest
from dashboard_pages import OWN, Asked
from histories import write_session
from pytest_insight.cli.app import run
from pytest_insight.dashboard.access.tokens import Door
from pytest_insight.dashboard.rules import ANSWER_HEADERS
from report_pages import (
    BREAK,
    EVIL,
    FLAKY,
    HUNG,
    RETRIED,
    SLOW,
    STEADY,
    PageReader,
    hostile_log,
    shop_log,
    with_message,
)

ADDRESSES = [
    "/", "/failures", "/flaky", "/slow", "/sessions", "/systems", "/tests", "/tests?show=flaky", "/tests?q=money", "/compare",
    "/compare?base=s01&target=s07", "/session", "/session?id=s05", f"/test?id={quote(FLAKY)}", f"/test?id={quote(SLOW)}",
]  # fmt: skip
ODD = [
    "/nope", "/test?id=none", "/test", "/session?id=none", "/compare?base=zz", "/?sut=none", "/tests?first=-3", "/tests?first=99999999999999",
    "/tests?show=rank&q=%00", "/assets/../app.py", "/assets/none", "//evil.example", "/%2e%2e/etc/passwd",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return the dashboard about the scripted history."""
    log = tmp_path_factory.mktemp("shop") / "shop.jsonl"
    log.write_bytes(shop_log())
    asked = Asked(log)
    asked.log = log
    asked.follow()
    return asked


def said(asked, address):
    """Return what a page shows."""
    answer = asked.get(address)
    assert answer.status == 200, (address, answer.text[:500])
    return PageReader(answer.text).text


@pytest.mark.parametrize("address", [*ADDRESSES, *ODD, "/assets/report.css", "/assets/live.js"])
def test_every_answer_has_all_headers(shop, address):
    """Pages, files, refusals and errors have the same headers, each once, and no answer is a defect."""
    for method, headers in (("GET", OWN), ("HEAD", OWN), ("POST", OWN), ("GET", [(b"host", b"evil.example")])):
        answer = shop.get(address, method, headers)
        assert answer.status < 500, (address, method)
        for name, value in ANSWER_HEADERS:
            assert [each for key, each in answer.headers if key == name] == [value], (address, method, name)
        assert not any(key.startswith(b"access-control") for key, _ in answer.headers)


def test_a_defect_is_told_with_the_same_headers(shop, monkeypatch, caplog):
    """An error in a page ends as one answer that says so, and its traceback goes to the log."""
    monkeypatch.setattr("pytest_insight.dashboard.pages.list_tests", lambda *_: 1 / 0)
    answer = shop.get("/tests")
    assert answer.status == 500
    assert "a defect" in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert {name for name, _ in ANSWER_HEADERS} <= {name for name, _ in answer.headers}


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_are_complete_without_script_and_lead_only_to_what_is_there(shop, address):
    """A page has one heading, no inline style, script or handler, each id once; each of its links has an answer."""
    page = PageReader(shop.get(address).text)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert not any(name == "style" or name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [attributes.get("src") for tag, attributes in page.tags if tag == "script"] == ["/assets/live.js"]
    assert "style" not in tags
    assert len(page.ids()) == len(set(page.ids()))
    for link in {link.partition("#")[0] for link in page.links()[:60] if link.startswith("/")}:
        assert shop.get(link).status == 200, link
    within = {link[1:] for link in page.links() if link.startswith("#")}
    assert within <= set(page.ids())


def test_links_to_kinds_of_failures_have_their_targets(shop):
    """The anchor of each such link is on the page of failures."""
    there = set(PageReader(shop.get("/failures").text).ids())
    anchors = {
        link.partition("#")[2]
        for address in ADDRESSES
        for link in PageReader(shop.get(address).text).links()
        if "#c-" in link
    }
    assert anchors
    assert anchors <= there


def answer_of(capsys, *words):
    """Return what a command prints as JSON."""
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_comparison_names_tests_that_fail_for_another_reason(tmp_path):
    """Both messages are shown, without what differs from run to run; one that is the same is not in the list."""
    results = [("t.py::same", "failed"), ("t.py::other", "failed"), ("t.py::fine", "passed")]
    before = with_message(write_session("a", 0, results, commit="a"), b"E   KeyError: at 0x1234")
    after = with_message(write_session("b", 1, results, commit="b"), b"E   KeyError: at 0x5678")
    log = tmp_path / "log.jsonl"
    log.write_bytes(before + after)
    asked = Asked(log)
    asked.follow()
    text = said(asked, "/compare?base=a&target=b")
    assert "None: new failures, fixed, fail with another message" in text
    log.write_bytes(before + with_message(after, b"E   OSError: disk full", b"E   KeyError: at 0x5678"))
    asked = Asked(log)
    asked.follow()
    for address in ("/compare?base=a&target=b", "/session?id=b"):
        text = said(asked, address)
        assert "Fail with another message: 2" in text
        assert text.count("KeyError: at <hex> \N{RIGHTWARDS ARROW} OSError: disk full") == 2


def test_numbers_are_those_of_the_command_line(shop, capsys):
    """Headline, groups, flaky tests, failures, sessions, one session and a comparison: each number is the command's."""
    log = ["--log", str(shop.log)]
    overview = answer_of(capsys, *log)
    text = said(shop, "/")
    assert overview["headline"] in text
    assert all(f"{group['tests']} test" in text for group in overview["groups"])
    assert f"{overview['flaky_tests']} flaky tests" in said(shop, "/flaky")
    assert f"{overview['broken']} broken, {overview['flaky_tests']} flaky" in said(shop, "/tests")
    assert f"{len(answer_of(capsys, 'session', 'list', *log))} sessions:" in said(shop, "/sessions")
    clusters = answer_of(capsys, "analytics", "failures", *log)["clusters"]
    assert f"{len(clusters)} kinds of failures" in said(shop, "/failures")
    for name in ("s04", "s05", "s11"):
        shown = answer_of(capsys, "session", "show", name, *log)
        text = said(shop, f"/session?id={name}")
        assert f"Session {name}: {shown['state']}" in text
        assert all(f"{count} {word}" in text for word, count in shown["counts"].items())
    compared = answer_of(capsys, "session", "compare", "--base", "s03", "--target", "s04", *log)
    text = said(shop, "/compare?base=s03&target=s04")
    for name, title in (("new_failures", "New failures"), ("missing_tests", "Lost"), ("new_passes", "Fixed")):
        count = len(compared[name])
        assert f"{title}: {count}" in text if count else title.lower() in text.partition("None: ")[2]


def test_the_page_of_a_test_has_runs_facts_and_the_newest_failure(shop, capsys):
    """Broken since, verdict of each run, flaky evidence, a traceback, durations with their change."""
    text = said(shop, f"/test?id={quote(BREAK)}")
    assert "Broken since bbbbbbbbb, last good at aaaaaaaaa; new, 1 failing run" in text
    assert "RuntimeError: db down" in text
    assert "error 1, failed 1, passed 10" in text
    assert "Flaky by rule same-source" in said(shop, f"/test?id={quote(FLAKY)}")
    assert "rerun, 2 attempts" in said(shop, f"/test?id={quote(RETRIED)}") or "flaky, 2 attempts" in said(
        shop, f"/test?id={quote(RETRIED)}"
    )
    slow = said(shop, f"/test?id={quote(SLOW)}")
    assert "Slower: " in slow
    assert slow.count("900 ms") >= 5
    assert "Was running" in said(shop, f"/test?id={quote(HUNG)}")


def test_the_page_of_a_session_has_timeline_environment_and_what_was_cut(shop):
    """A bar for each test, Python and machine, the test that ran when it was killed."""
    page = shop.get("/session?id=s05").text
    text = PageReader(page).text
    assert "Session s05: killed" in text
    assert "Running when it ended: 1" in text
    assert "test_hangs" in text
    assert page.count("<rect") == 38
    assert "Python 3.11.7" in text
    assert "Against the session before" in text


def test_a_test_that_fails_after_another_one_is_named_with_it(tmp_path):
    """Where each failure comes behind the same test, and no pass does, the page says which."""
    good = [("t.py::test_b", "passed"), ("t.py::test_a", "passed")]
    bad = [("t.py::test_a", "passed"), ("t.py::test_b", "failed")]
    lines = [write_session(f"s{number}", number, bad if number % 2 else good) for number in range(4)]
    (tmp_path / "log.jsonl").write_bytes(b"".join(lines))
    asked = Asked(tmp_path / "log.jsonl")
    asked.follow()
    assert "Fails after test_at.py before each of its 2 failures" in said(asked, "/test?id=t.py::test_b")
    assert "Fails after" not in said(asked, "/test?id=t.py::test_a")


def test_the_list_of_tests_is_searched_and_comes_in_parts(tmp_path):
    """Words narrow it, filters too; a part has 100 rows and leads to the next one, and all parts are the whole."""
    names = [f"tests/{number % 3}/test_x.py::test_{number:03}" for number in range(250)]
    (tmp_path / "log.jsonl").write_bytes(
        write_session("s", 0, [(name, "failed" if name.endswith("7") else "passed") for name in names])
    )
    asked = Asked(tmp_path / "log.jsonl")
    asked.follow()
    seen, address = [], "/tests"
    while address:
        page = PageReader(asked.get(address).text)
        assert len([link for link in page.links() if link.startswith("/test?")]) <= 100
        seen += [link for link in page.links() if link.startswith("/test?")]
        address = next((link for link in page.links() if "first=" in link), "")
        address = address if len(seen) < 250 else ""
    assert len(seen) == len(set(seen)) == 250
    assert "25 tests" in said(asked, "/tests?show=broken")
    assert "10 tests" in said(asked, "/tests?q=test_24+X.PY")
    assert "No test fits" in said(asked, "/tests?q=nothing")


def test_hostile_texts_are_only_texts(tmp_path):
    """No page has an element, an attribute or a link that a recorded text made; every test has its own page."""
    (tmp_path / "evil.jsonl").write_bytes(hostile_log())
    asked = Asked(tmp_path / "evil.jsonl")
    asked.follow()
    addresses = ["/", "/failures", "/flaky", "/sessions", "/systems", "/tests", "/compare", "/session"]
    links = [link for link in PageReader(asked.get("/tests").text).links() if link.startswith("/test?")]
    assert len(links) == 43 + 1
    for address in [*addresses, *(link for link in links if "test_money" not in link)]:
        answer = asked.get(address)
        assert answer.status == 200, address[:200]
        page = PageReader(answer.text)
        assert {tag for tag, _ in page.tags} & {"img", "iframe", "object", "i", "u"} == set()
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        assert all(link.startswith(("/", "#")) for link in page.links())
        assert "49" not in page.text.split()
        assert not re.search("[\x00\x1b\u202e]", page.text)
    assert EVIL[2].partition("}}")[0] in said(asked, "/failures") + said(asked, "/tests")


def test_a_page_that_did_not_change_is_not_sent_again(shop):
    """The entity tag is the position of the log with the version of the rules; with it the answer is 304."""
    answer = shop.get("/flaky")
    tag = answer.header("etag")
    assert re.fullmatch(r'"\d+\.\d+-[\d.]+"', tag)
    assert tag.startswith(f'"{shop.log.stat().st_size}.')
    again = shop.get("/flaky", headers=[*OWN, (b"if-none-match", tag.encode())])
    assert (again.status, again.body) == (304, b"")
    assert {name for name, _ in ANSWER_HEADERS} <= {name for name, _ in again.headers}
    assert shop.get("/flaky", headers=[*OWN, (b"if-none-match", b'"1.1-1"')]).status == 200


def test_without_a_log_it_waits_for_one(tmp_path):
    """A log that is not there, an empty one, and its first session: each is a page."""
    log = tmp_path / "log.jsonl"
    asked = Asked(log)
    asked.follow()
    assert "No run is recorded yet" in said(asked, "/")
    log.write_bytes(b"")
    asked.follow()
    assert "no session is recorded yet" in said(asked, "/").lower()
    for address in ("/tests", "/failures", "/flaky", "/slow", "/sessions", "/systems", "/compare"):
        assert asked.get(address).status == 200
    log.write_bytes(write_session("one", 0, [("a.py::test_x", "passed")]))
    text = said_now(asked, "/")
    assert "1 session" in text
    assert "nothing is broken" in text


def said_now(asked, address):
    """Return what a page shows when its answers are those of the log now."""
    asked.follow()
    asked.get(address)
    asked.settle()
    return said(asked, address)


def test_a_log_that_is_replaced_removed_or_purged_is_told(tmp_path):
    """Pages say what happened and go on; none is a traceback."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 0, [("a.py::test_x", "failed")]))
    asked = Asked(log)
    asked.follow()
    assert "one" in said(asked, "/session?id=one")
    log.write_bytes(
        write_session("two", 0, [("b.py::test_y", "failed")]) + write_session("three", 1, [("b.py::test_y", "failed")])
    )
    assert "three" in said_now(asked, "/sessions")
    assert "the log was replaced" in said(asked, "/")
    assert asked.get("/session?id=one").status == 404
    assert run(["log", "purge", "--log", str(log), "--session", "two", "--force"]) == 0
    assert "1 session:" in said_now(asked, "/sessions")
    log.unlink()
    text = said_now(asked, "/")
    assert "This page shows what was read before" in text
    assert str(log) in text
    for address in ("/session?id=three", "/compare", "/test?id=b.py::test_y", "/failures"):
        assert asked.get(address).status in (200, 404)


def test_a_damaged_log_shows_what_is_whole(tmp_path):
    """Lines that are no events are passed over, as every command does."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(
        write_session("one", 0, [("a.py::test_x", "failed")])
        + b"no event\n"
        + write_session("two", 1, [("a.py::test_x", "passed")])
    )
    asked = Asked(log)
    asked.follow()
    assert "2 sessions" in said(asked, "/sessions")


def test_a_span_that_means_nothing_is_named_on_the_page(shop):
    """A word that is no span of time, and a system that is not there, are told; a defect is a defect."""
    asked = Asked(shop.log, time="soon")
    asked.follow()
    answer = asked.get("/")
    assert answer.status == 503
    assert "soon" in PageReader(answer.text).text
    assert "is not shown" in shop.get("/?sut=none").text


def test_a_defect_in_the_answers_is_no_page_that_waits_for_ever(shop, monkeypatch, caplog):
    """An error that no log explains ends the request as a defect."""
    monkeypatch.setattr("pytest_insight.dashboard.survey.collect_answers", lambda *_: 1 / 0)
    asked = Asked(shop.log)
    asked.follow()
    assert asked.get("/").status == 500
    assert "ZeroDivisionError" in caplog.text


def test_the_pages_of_another_system_have_addresses_of_their_own(tmp_path):
    """The table of systems leads to each, and every link on its pages keeps it."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(
        write_session("one", 0, [("a.py::test_x", "failed")], sut="shop")
        + write_session("two", 1, [("a.py::test_x", "passed")], sut="till & co")
    )
    asked = Asked(log)
    asked.follow()
    assert "/?sut=till+%26+co" in PageReader(asked.get("/systems").text).links()
    page = PageReader(asked.get("/?sut=till+%26+co").text)
    assert "till & co" in page.text
    assert "nothing is broken" in page.text
    assert all("sut=till+%26+co" in link for link in page.links() if link.startswith("/"))
    assert "1 test" in said(asked, "/?sut=shop")


def test_the_token_sets_the_cookie_that_opens_every_page(tmp_path):
    """Without the cookie each path is refused alike; the token leads on without itself, and a second time to nothing."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 0, [(STEADY[0], "failed")]))
    door = Door(8080, is_open=False)
    asked = Asked(log, door)
    asked.follow()
    for address in ("/", "/tests", "/nope", "/events", "/assets/report.css", "/?token=", "/?token=wrong"):
        answer = asked.get(address)
        assert answer.status == 403
        assert "log" not in answer.text
    token = door.make_token()
    assert asked.get(f"/tests?token={token}", "HEAD").status == 403
    opened = asked.get(f"/tests?q=a%26b&token={token}&show=all")
    assert (opened.status, opened.header("location"), asked.entered) == (303, "/tests?q=a%26b&show=all", 1)
    assert asked.get(f"/?token={token}").status == 403
    own = [*OWN, (b"cookie", opened.header("set-cookie").partition(";")[0].encode())]
    assert asked.get("/tests", headers=own).status == 200
    assert asked.get(f"/?token={token}", headers=own).header("location") == "/"
    assert asked.get(f"//evil.example?token={door.make_token()}").header("location") == "/evil.example"
