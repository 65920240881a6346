"""Pages of a collector show what the dashboard shows of the same sessions, to those who may read them alone."""

import http.client
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from collector_browsers import Browser, entered_browser
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key
from dashboard_pages import Asked
from histories import EIGHT, write_session
from pytest_insight.collector.access.keys import revoke_key, split_key
from pytest_insight.collector.pages.kept import KeptPages
from pytest_insight.dashboard.rules import ANSWER_HEADERS
from report_pages import BREAK, FLAKY, HUNG, SLOW, START, PageReader, hostile_log, shop_log
from sqlalchemy import text

PAGES = [
    "/", "/failures", "/flaky", "/slow", "/sessions", "/systems", "/tests", "/tests?show=flaky", "/tests?q=money", "/compare",
    "/compare?base=s01&target=s07", "/session", "/session?id=s05", "/session?id=s04", f"/test?id={quote(FLAKY)}",
    f"/test?id={quote(SLOW)}", f"/test?id={quote(BREAK)}", f"/test?id={quote(HUNG)}", "/test?id=none", "/session?id=none",
]  # fmt: skip
ELSEWHERE = {"host": "another machine", "boot_id": "1", "pid": "1", "started": "1"}


def main_of(page):
    """What a page shows between its navigation and its end, without what only one of the two says."""
    found = re.search(r"<main.*</main>", page, re.DOTALL)
    assert found, page
    plain = re.sub(r" --remote http://[^<]*", "", found[0])
    return plain.replace("the log of the team", "LOG")


@pytest.mark.parametrize("history", [shop_log, hostile_log])
def test_each_page_is_that_of_the_dashboard_about_the_same_log(team, tmp_path, history):
    """The same element, text and link, made from the tables and from the local read model."""
    log = tmp_path / "all.jsonl"
    log.write_bytes(history())
    team.push(history())
    local = Asked(log)
    local.follow()
    browser = entered_browser(team.url, team.key)
    for address in PAGES:
        expected, seen = local.get(address), browser.get(address)
        assert seen.status == expected.status, address
        assert main_of(seen.text) == main_of(expected.text).replace(str(log), "LOG"), address


def test_commands_to_copy_name_the_collector(team):
    """A command that is shown finds these sessions."""
    team.push(shop_log())
    browser = entered_browser(team.url, team.key)
    for address in ("/", "/session", f"/test?id={quote(BREAK)}", "/compare"):
        commands = re.findall(r"<li><code>(insight [^<]*)</code>", browser.get(address).text)
        assert commands, address
        assert all(command.endswith(f" --remote {team.url}") for command in commands), commands


def test_an_empty_team_is_told_how_to_push(team):
    """The first page has the commands, and becomes the overview after the first push."""
    browser = entered_browser(team.url, team.key)
    assert f"insight sync {team.url}" in browser.get("/").text
    team.push(shop_log())
    seen = browser.get_newest("/tests", "test_known_bug")
    assert "No run is recorded yet" not in seen.text


def test_a_session_without_an_end_is_shown_with_the_tests_that_it_started(team):
    """Nobody can look whether its process runs: the page says so, and when the last event came."""
    now = datetime.now(UTC)
    team.push(shop_log())
    browser = entered_browser(team.url, team.key)
    results = [(EIGHT[2], "passed"), (EIGHT[3], None)]
    started = write_session("goes on", 0, results, start=now, seal=False, writer=ELSEWHERE)
    team.push(started)
    shown = PageReader(browser.get_newest("/", "no end yet").text).text
    assert "no end yet: session goes on" in shown
    assert "Started, without a result so far" in shown
    assert EIGHT[3].partition("::")[2] in shown
    assert "last event 20" in shown
    old = write_session("was lost", 1, results, start=now - timedelta(hours=1), seal=False, writer=ELSEWHERE)
    team.push(old)
    page = browser.get_newest("/sessions", "was lost").text
    assert "goes on" in page.partition("<table")[0]
    assert "was lost" not in page.partition("<table")[0]


def test_every_answer_has_all_headers(team):
    """Pages, files, forms, refusals and redirects, with and without a login."""
    inside, outside = entered_browser(team.url, team.key), Browser(team.url)
    for browser in (inside, outside):
        for path in ("/", "/test?id=x", "/assets/live.js", "/assets/none", "/login", "/logout", "/events"):
            for method in ("HEAD", "POST", "DELETE"):
                answer = browser.request(method, path)
                for name, value in ANSWER_HEADERS:
                    assert [v for n, v in answer.headers if n.lower() == name.decode()] == [value.decode()], (
                        method,
                        path,
                    )
                if answer.status == 405:
                    assert method not in answer.header("allow").split(", ")


def test_paths_of_the_api_are_as_before(team):
    """An unknown path is a problem document, and not a page."""
    for path in ("/api/v1/nope", "/nope"):
        answer = team.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_without_pages_nothing_of_them_is_there(engine, tmp_path):
    """`insight serve --no-pages` serves the API alone."""
    running = ThreadCollector(context_of(engine, tmp_path, has_pages=False), make_key(engine))
    try:
        for path in ("/", "/login", "/assets/live.js"):
            assert running.get(path).status == 404
        assert running.get("/api/v1/suts").status == 200
    finally:
        running.stop()


def test_while_the_database_is_away_a_page_shows_what_was_read_before(served, engine):
    """It says so, and follows again when the database is back."""
    served.push(shop_log())
    browser = entered_browser(served.url, served.key)
    headline = "1 test fails that was good at aaaaaaaaa"
    browser.get_newest("/", headline)
    with engine.begin() as connection:
        connection.execute(text("alter table segment rename to elsewhere"))
    assert headline in browser.get_newest("/", "cannot be used now").text
    assert browser.get("/session").status == 404
    with engine.begin() as connection:
        connection.execute(text("alter table elsewhere rename to segment"))
    added = write_session("newest", 0, [(EIGHT[2], "passed")], start=START.replace(day=6))
    served.push(added)
    assert browser.get_newest("/sessions", "14 sessions", lacks="cannot be used now").status == 200


def test_a_defect_is_told_without_what_it_was_about(served, engine, monkeypatch, caplog):
    """The page says that there is one; neither it nor the log of the server has texts of the team."""
    served.push(shop_log())
    browser = entered_browser(served.url, served.key)
    browser.get_newest("/tests", "test_known_bug")
    monkeypatch.setattr("pytest_insight.dashboard.pages.list_tests", lambda *_: {}["test_known_bug"])
    answer = browser.get("/tests")
    assert answer.status == 500
    assert "a defect of the server" in answer.text
    assert "defect at /tests: KeyError" in caplog.text
    assert "test_known_bug" not in answer.text + caplog.text


# ------------------------------------------------------------ teams


def test_a_stranger_sees_nothing_of_a_team(team, shared):
    """Every page about something of another team is that about something which is not there."""
    team.push(shop_log())
    stranger = entered_browser(team.url, make_key(shared.context.engine, team="strangers"))
    for foreign, unknown in (
        ("/session?id=s05", "/session?id=s77"),
        (f"/test?id={quote(BREAK)}", "/test?id=nothing"),
        ("/compare?base=s01&target=s02", "/compare?base=s77&target=s78"),
        ("/?sut=shop", "/?sut=shopping"),
    ):
        seen, expected = stranger.get(foreign), stranger.get(unknown)
        assert seen.status == expected.status
        assert "test_" not in seen.text
        assert len(PageReader(seen.text).tags) == len(PageReader(expected.text).tags)


def test_the_answers_of_teams_give_way_when_there_are_too_many_results(shared, monkeypatch):
    """Those of the team that was asked for last stay; a team whose answers were dropped gets them again."""
    names = [f"room{number}" for number in range(3)]
    keys = [make_key(shared.context.engine, team=name) for name in names]
    browsers = [entered_browser(shared.url, key) for key in keys]
    for key, browser in zip(keys, browsers, strict=True):
        shared.push(shop_log(), key=key)
        browser.get_newest("/tests", "test_known_bug")
    kept = []
    plain = KeptPages.of_key
    monkeypatch.setattr(KeptPages, "of_key", lambda self, key: kept.append(self) or plain(self, key))
    browsers[2].get("/tests")
    most = kept[0].of_key(shared.context.keys.find(f"Bearer {keys[2]}")).survey.results
    assert most > 300
    monkeypatch.setattr("pytest_insight.collector.pages.kept.RESULTS_MAX", most * 2)
    browsers[2].get("/tests")
    left = [kept[0]._kept[shared.context.keys.find(f"Bearer {key}").team].survey.results for key in keys]
    assert left == [0, most, most]
    browsers[0].get_newest("/tests", "test_known_bug")


# ------------------------------------------------------------ following


def test_an_open_page_hears_of_a_push_and_no_more_when_its_login_ends(team, shared):
    """The stream has a position after each push, and ends when the key is revoked."""
    reader = make_key(shared.context.engine, team=team_name(team, shared), role="reader")
    browser = entered_browser(team.url, reader)
    connection = http.client.HTTPConnection(team.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/events", headers={"Cookie": browser.cookie})
    stream = connection.getresponse()
    assert stream.status == 200
    assert stream.readline().startswith(b"retry:")
    heard = [next_position(stream)]
    team.push(b"".join(session_lines(1, 2)))
    while len(heard) < 2 or heard[-1].partition(".")[0] == heard[0].partition(".")[0]:
        heard.append(next_position(stream))
    shared.context.logins.recent.cache_s = 0.0
    with shared.context.engine.begin() as engine_connection:
        revoke_key(engine_connection, split_key(reader).id)
    team.push(b"".join(session_lines(2, 2)))
    while stream.readline():
        pass
    connection.close()
    assert browser.get("/events").status == 401


def next_position(stream):
    """Return the next position of a stream of changes."""
    while not (line := stream.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    return line[6:].strip().decode()


def team_name(team, shared):
    """Return the name of the team of a collector's key."""
    return shared.context.keys.find(f"Bearer {team.key}").team_name


def test_a_server_that_is_asked_to_end_does_not_wait_for_open_pages(engine, tmp_path):
    """The stream of an open page ends, and so does the server."""
    running = ThreadCollector(context_of(engine, tmp_path), make_key(engine))
    browser = entered_browser(running.url, running.key)
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/events", headers={"Cookie": browser.cookie})
    stream = connection.getresponse()
    assert stream.readline().startswith(b"retry:")
    running.stop()
    while stream.readline():
        pass
    connection.close()
    assert not running.thread.is_alive()
