"""Logging in with a key: who may, what the cookie is, how long it lasts, and forms of other sites."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from collector_browsers import Browser, entered_browser
from collectors import ThreadCollector, context_of, everything, make_key
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.collector.access.keys import revoke_key, split_key
from pytest_insight.collector.access.logins import LOGIN_DAYS
from pytest_insight.collector.pages.cookies import cookie_name, set_cookie, token_of
from pytest_insight.collector.pages.entering import local_path
from sqlalchemy import text
from starlette.requests import Request

PATHS = ["/", "/tests", "/test?id=a::b", "/session?id=x", "/compare?base=a&target=b", "/failures", "/flaky", "/slow"]


def rows(engine, query):
    """Rows of a query."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def inside(served):
    """A browser that has logged in."""
    return entered_browser(served.url, served.key)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_without_a_login_leads_to_it_and_back(served, path):
    """The form knows where to go on; after the login that address is opened."""
    browser = Browser(served.url)
    led = browser.get(path)
    assert led.status == 303
    form = browser.get(led.header("location"))
    following = re.search(r'name="next" value="([^"]*)"', form.text)[1].replace("&amp;", "&")
    assert following == path
    assert browser.log_in(served.key, following).header("location") == path
    assert browser.get(path).status in (200, 404)


def test_what_a_script_asks_is_refused_and_not_redirected(served):
    """A page that is open sees that its login has ended."""
    browser = Browser(served.url)
    assert browser.get("/tests", Sec_Fetch_Mode="cors", Sec_Fetch_Site="same-origin").status == 401
    assert browser.get("/events").status == 401


def test_a_program_may_send_its_key_as_to_the_api(served):
    """A page is also there for `curl` with an Authorization header, and a wrong one is refused."""
    assert served.get("/tests").status == 200
    assert served.get("/tests", key=served.key[:-1]).status == 401


def test_wrong_keys_get_the_form_again_and_no_cookie(served, engine):
    """Expired, revoked, malformed keys and one that may not read; each is in the audit, and none in the page."""
    expired = make_key(engine, expires=datetime.now(UTC) - timedelta(seconds=1))
    revoked, writer = make_key(engine), make_key(engine, role="write")
    with engine.begin() as connection:
        revoke_key(connection, split_key(revoked).id)
    for key, status in (
        (expired, 401),
        (revoked, 401),
        ("nonsense", 401),
        ("", 401),
        ("\x00\ud7ff'", 401),
        (writer, 403),
    ):
        browser = Browser(served.url)
        answer = browser.log_in(key)
        assert (answer.status, answer.header("set-cookie")) == (status, "")
        assert 'action="/login"' in answer.text
        assert not key or key not in answer.text
    assert rows(engine, "select count(*) from audit where action = 'refused'") == [(6,)]
    assert rows(engine, "select count(*) from login") == [(0,)]


def test_the_cookie_is_for_this_server_alone_and_the_database_has_its_hash(served, engine, database, inside):
    """No script reads it, no other site sends it with a form; neither cookie nor key are in any table."""
    header = Browser(served.url).log_in(served.key).header("set-cookie")
    assert header.split("; ")[1:] == ["Path=/", f"Max-Age={LOGIN_DAYS * 86_400}", "HttpOnly", "SameSite=Lax"]
    token = inside.cookie.partition("=")[2]
    assert len(token) >= 43
    stored = everything(database)
    assert token.encode() not in stored
    assert split_key(served.key).secret.encode() not in stored
    assert rows(engine, "select action, count(*) from audit group by 1") == [("login.created", 2)]


def test_over_https_the_cookie_has_a_prefix_that_no_other_host_may_set():
    """`__Host-` needs Secure, the path / and no domain."""

    def request(scheme, port, cookie=b""):
        head = [(b"host", b"insight.example"), (b"cookie", cookie)]
        return Request({"type": "http", "scheme": scheme, "server": ("10.0.0.1", port), "path": "/", "headers": head})

    header = set_cookie(request("https", 443), "word", 1)["Set-Cookie"]
    assert header.startswith("__Host-insight-login=word; Path=/;")
    assert header.endswith("; Secure")
    assert "domain" not in header.lower()
    assert cookie_name(request("http", 8765)) != cookie_name(request("http", 8766))
    assert token_of(request("https", 443, b"a=b; __Host-insight-login=word")) == "word"
    assert token_of(request("http", 80, b'insight-login-80="; \x00=;;')) == ""


def test_a_login_ends_with_its_key(served, engine, inside):
    """Revoked and expired: the next page leads to the form, as soon as the server does not remember the key."""
    served.context.logins.recent.cache_s = 0.0
    short = make_key(engine, expires=datetime.now(UTC) + timedelta(hours=1))
    other = entered_browser(served.url, short)
    assert [browser.get("/tests").status for browser in (inside, other)] == [200, 200]
    with engine.begin() as connection:
        revoke_key(connection, split_key(served.key).id)
        connection.execute(text("update key set expires = now() where expires is not null"))
    assert [browser.get("/tests").status for browser in (inside, other)] == [303, 303]


def test_a_login_ends_after_its_days_and_is_removed(served, engine, inside):
    """It lasts no longer than its key; a row that has expired is removed at the next login."""
    served.context.logins.recent.cache_s = 0.0
    soon = datetime.now(UTC) + timedelta(hours=1)
    entered_browser(served.url, make_key(engine, expires=soon))
    lasting = sorted(row[0] for row in rows(engine, "select expires from login"))
    assert lasting[0] == soon
    assert timedelta(days=LOGIN_DAYS - 1) < lasting[1] - datetime.now(UTC) <= timedelta(days=LOGIN_DAYS)
    with engine.begin() as connection:
        connection.execute(text("update login set expires = now()"))
    assert inside.get("/tests").status == 303
    entered_browser(served.url, served.key)
    assert rows(engine, "select count(*) from login") == [(1,)]


def test_logging_out_ends_one_login_at_once(served, engine, inside):
    """Another browser with the same key stays; the cookie that was kept is of no use."""
    other = entered_browser(served.url, served.key)
    assert inside.get("/tests").status == 200
    answer = inside.send_form("/logout", {})
    assert (answer.status, answer.header("location")) == (303, "/login")
    assert "Max-Age=0" in answer.header("set-cookie")
    assert inside.get("/tests").status == 303
    assert other.get("/tests").status == 200
    assert inside.send_form("/logout", {}).status == 303
    assert rows(engine, "select count(*) from audit where action = 'login.ended'") == [(1,)]


def test_every_process_of_the_server_knows_a_login(served, engine, tmp_path, inside):
    """The login is in the database."""
    second = ThreadCollector(context_of(engine, tmp_path), served.key)
    try:
        browser = Browser(
            second.url, f"insight-login-{second.url.rpartition(':')[2]}={inside.cookie.partition('=')[2]}"
        )
        assert browser.get("/tests").status == 200
    finally:
        second.stop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 303),
        ({"Sec_Fetch_Site": "none"}, 303),
        ({"Origin": "OWN"}, 303),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "OWN"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
    ],
)
def test_forms_of_other_sites_are_refused(served, engine, inside, headers, status):
    """Nobody is logged in, or out, by a page of somebody else."""
    own = {name: served.url if value == "OWN" else value for name, value in headers.items()}
    assert Browser(served.url).log_in(served.key, **own).status == status
    assert inside.send_form("/logout", {}, **own).status == status
    assert inside.get("/tests").status == (303 if status == 303 else 200)


def test_another_site_may_only_open_a_page_in_a_tab(served, inside):
    """Images, frames and fetches of other sites get nothing."""
    tab = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert inside.get("/tests", **tab).status == 200
    for more in ({"Sec_Fetch_Dest": "iframe"}, {"Sec_Fetch_Mode": "no-cors"}, {"Sec_Fetch_Mode": "cors"}):
        assert inside.get("/tests", **(tab | more)).status == 403


def test_odd_forms_are_refused(served, inside):
    """Too large, too many fields, no form at all."""
    assert inside.request("POST", "/login", b"key=" + b"x" * 20_000).status == 413
    assert inside.request("POST", "/login", b"&".join([b"a=1"] * 50)).status == 400
    for body in (b"", b"\xff\xfe=\x00", b'{"key": "x"}', b"key", b"next=/x"):
        assert Browser(served.url).request("POST", "/login", body).status == 401


@pytest.mark.parametrize(
    ("given", "led"),
    [
        ("/tests?q=a&show=b", "/tests?q=a&show=b"),
        ("/test?id=a%3A%3Ab", "/test?id=a%3A%3Ab"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("///evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("/\t/evil.example", "/"),
        ("evil", "/"),
    ],
)
def test_a_login_leads_to_this_server_alone(given, led):
    """Every address of another host, and every text that is none, becomes the overview."""
    assert local_path(given) == led


@given(st.text(st.characters(codec="utf-8"), max_size=30) | st.from_regex(r"/?[/\\a-z:@?#.\t ]{0,12}", fullmatch=True))
def test_no_text_leads_elsewhere(given):
    """What is returned begins with one slash and has no character that a browser reads as another one."""
    led = local_path(given)
    assert re.fullmatch(r"/(?![/\\])[^\\\x00-\x1f\x7f]*", led)


def test_a_key_that_may_no_more_read_is_refused_with_its_reason(served, engine, inside):
    """The scope is looked at for each page."""
    served.context.logins.recent.cache_s = 0.0
    with engine.begin() as connection:
        connection.execute(text("update key set scopes = '{write}'"))
    answer = inside.get("/tests")
    assert answer.status == 403
    assert "lacks the scope read" in answer.text


def test_a_key_that_asks_too_often_has_to_wait(engine, tmp_path):
    """Pages count as requests of the API do; logging in with many wrong keys is slowed down as well."""
    from pytest_insight.collector.limits import RequestLimits

    key = make_key(engine)
    running = ThreadCollector(context_of(engine, tmp_path, limits=RequestLimits(requests=3)), key)
    try:
        browser = entered_browser(running.url, key)
        answers = [browser.get("/systems") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert int(answers[-1].header("retry-after")) > 0
    finally:
        running.stop()
