"""Which requests the dashboard answers, by its tables."""

import itertools

import pytest
from pytest_insight.dashboard.access.tokens import Door
from pytest_insight.dashboard.rules import ANSWER_HEADERS, check_host, refusal_of

PAGE_OF_TAB = [(b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8765", "[::1]", "[::1]:8765", "localhost:65535"]
)
def test_names_of_this_machine_are_accepted(host):
    """A Host header that names the loopback address passes, with any port: a tunnel has another one."""
    assert refusal_of("GET", [(b"host", host.encode())]) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "localhost.", "evil.example:8765", "", "::1", "0",
        "127.0.0.1@evil.example", "127.0.0.2", "127.1", "[::1", "localhost:", "localhost:x", "localhost:123456", "localhost evil", "127.0.0.1\x00",
    ],
)  # fmt: skip
def test_other_hosts_are_refused(host):
    """A name that leads here by DNS alone is refused, whatever it looks like."""
    refusal = refusal_of("GET", [(b"host", host.encode())])
    assert refusal is not None
    assert refusal.status == 400
    assert "localhost, 127.0.0.1 or [::1]" in refusal.reason


def test_one_host_is_named_exactly_once():
    """No Host header, and two of them, are refused."""
    own = (b"host", b"localhost")
    assert refusal_of("GET", []).status == 400
    assert refusal_of("GET", [own, own]).status == 400
    assert refusal_of("GET", [own, (b"host", b"evil.example")]).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", ""])
def test_only_what_looks_is_answered(method):
    """Every method but GET and HEAD is refused."""
    assert refusal_of(method, [(b"host", b"localhost")]).status == 405


@pytest.mark.parametrize(
    ("site", "mode", "dest"),
    list(
        itertools.product(
            ["none", "same-origin", "same-site", "cross-site", "Cross-Site", "new-word"],
            ["navigate", "no-cors", "cors", "websocket"],
            ["document", "iframe", "image", "script", "empty", "object"],
        )
    ),
)
def test_other_sites_may_open_a_tab_and_nothing_else(site, mode, dest):
    """Of another site, also of another port of this machine, only a page of a tab is answered; our own pages all."""
    headers = [
        (b"host", b"localhost"),
        (b"sec-fetch-site", site.encode()),
        (b"sec-fetch-mode", mode.encode()),
        (b"sec-fetch-dest", dest.encode()),
    ]
    fits = site in ("none", "same-origin") or (mode, dest) == ("navigate", "document")
    refusal = refusal_of("GET", headers)
    assert (refusal is None) is fits
    assert fits or refusal.status == 403


def test_two_contradicting_sites_are_refused():
    """A second header does not outrank the first one."""
    sites = [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")]
    assert refusal_of("GET", [(b"host", b"localhost"), *sites]).status == 403
    assert refusal_of("GET", [(b"host", b"localhost"), *sites, *PAGE_OF_TAB]) is None


def test_it_listens_on_this_machine_alone():
    """The loopback addresses are accepted; others are refused with a sentence that says what to do."""
    assert [check_host(host) for host in ("127.0.0.1", "::1", "localhost")] == ["127.0.0.1", "::1", "127.0.0.1"]
    for host in ("0", "::", "192.168.1.2", "example.org", "", "127.0.0.2"):
        with pytest.raises(ValueError, match="for this machine alone; use"):
            check_host(host)


def test_the_policy_allows_nothing_but_our_own_files():
    """No inline style or script, no frame, no other site."""
    policy = dict(ANSWER_HEADERS)[b"content-security-policy"].decode()
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "data:", "connect-src": "'self'",
        "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert not any(name.startswith(b"access-control") for name, _ in ANSWER_HEADERS)


def test_a_token_is_good_once_and_its_cookie_lets_in():
    """A token opens once; the cookie of this port does, and no other text."""
    door = Door(8080, is_open=False)
    token = door.make_token()
    assert door.take_token(token)
    assert not door.take_token(token)
    assert not door.take_token("")
    cookie = door.cookie()
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    pair = cookie.partition(";")[0]
    assert door.lets_in([(b"cookie", b"a=b; " + pair.encode())])
    assert not Door(8081, is_open=False).lets_in([(b"cookie", pair.encode())])
    assert not Door(8080, is_open=False).lets_in([(b"cookie", pair.encode())])
    for wrong in (
        b"",
        b"insight-dashboard-8080=",
        b"insight-dashboard-8080=" + token.encode(),
        b"\xff=;;",
        b'"',
        pair.encode() + b"x",
    ):
        assert not door.lets_in([(b"cookie", wrong)]), wrong
    assert not door.lets_in([])


def test_without_tokens_everybody_on_this_machine_may_look():
    """An open door makes no token and asks for no cookie."""
    door = Door(8080, is_open=True)
    assert door.make_token() == ""
    assert door.lets_in([])
