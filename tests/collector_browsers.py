"""Requests of a browser to a collector: with a cookie and without a key."""

import http.client
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

PATIENT_S = 60


@dataclass
class PageAnswer:
    """Answer to a browser."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self):
        """Body as text."""
        return self.body.decode()

    def header(self, name):
        """Return a header; empty if there is none."""
        return next((value for each, value in self.headers if each.lower() == name), "")


@dataclass
class Browser:
    """A browser that keeps the cookie of a collector.

    Args:
        url: of the collector.
    """

    url: str
    cookie: str = ""
    headers: dict = field(default_factory=dict)

    def request(self, method, path, body=None, **headers):
        """Send a request, and return the answer; redirects are not followed."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENT_S)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return PageAnswer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        """Ask for a page."""
        return self.request("GET", path, **headers)

    def send_form(self, path, fields, **headers):
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urlencode(fields), **kind, **headers)

    def log_in(self, key, following="/", **headers):
        """Log in with a key, keep the cookie, and return the answer."""
        answer = self.send_form("/login", {"key": key, "next": following}, **headers)
        if answer.header("set-cookie"):
            self.cookie = answer.header("set-cookie").partition(";")[0]
        return answer

    def get_newest(self, path, has, lacks="\0"):
        """Return a page when it has a text, and lacks another; older answers are shown while newer ones are asked."""
        end = time.monotonic() + PATIENT_S
        while has not in (answer := self.get(path)).text or lacks in answer.text:
            assert time.monotonic() < end, (path, has)
            time.sleep(0.05)
        return answer


def entered_browser(url, key):
    """Return a browser that has logged in."""
    browser = Browser(url)
    assert browser.log_in(key).status == 303
    return browser
