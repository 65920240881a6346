"""Reports of scripted histories, and readers of their pages that know no browser."""

import base64
import gzip
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

from histories import write_session
from pytest_insight.cli.app import run

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
STEADY = [f"tests/unit/test_money.py::test_{number}" for number in range(30)]
BREAK = "tests/billing/test_refund.py::TestRefund::test_partial[eur]"
FLAKY = "tests/api/test_rates.py::test_rate[usd]"
RETRIED = "tests/api/test_retry.py::test_twice"
SLOW = "tests/unit/test_search.py::test_by_name"
HUNG = "tests/e2e/test_wait.py::test_hangs"
GONE = "tests/unit/test_old.py::test_voucher"
MIXED = {
    "tests/unit/test_mixed.py::test_skipped": "skipped",
    "tests/unit/test_mixed.py::test_known_bug": "xfailed",
    "tests/unit/test_mixed.py::test_surprise": "xpassed",
}
EVIL = [
    "</script><script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    "{{7*7}}{% for x in y %}",
    "javascript:window.owned=1",
    "]]> --> </style>",
    "\u202egpj.exe",
    "nul\x00esc\x1b[31m",
    "constructor",
    "__proto__",
    "\" onmouseover=window.owned=1 x='",
    "x" * 100_000,
]


def shop_log() -> bytes:
    """Twelve sessions: an outage in the fourth, flaky tests, a killed one, a slow test, and a break in the last."""
    sessions = []
    for number in range(12):
        results = [(nodeid, "passed", 5) for nodeid in STEADY]
        results += [(nodeid, outcome, 3) for nodeid, outcome in MIXED.items()]
        results.append((BREAK, "failed" if number == 11 else "passed", 12))
        results.append((FLAKY, "failed" if number in (3, 7) else "passed", 20))
        results += [(RETRIED, "rerun", 4), (RETRIED, "passed", 4)] if number in (2, 8) else [(RETRIED, "passed", 4)]
        results.append((SLOW, "passed", 900 if number >= 7 else 20 + number % 3))
        results += [(GONE, "passed", 2)] if number < 6 else []
        results += [(HUNG, None if number == 5 else "passed", 30)]
        if number == 4:
            results = [(nodeid, "error", 1) for nodeid, *_ in results if nodeid not in (RETRIED, *MIXED)]
        start, commit = START + timedelta(hours=6 * number), "0011223344ab"[number]
        ci = {"provider": "ci", "url": f"https://ci.example/jobs/{number}"}
        sessions.append(write_session(f"s{number:02}", 0, results, commit=commit, start=start, seal=number != 5, ci=ci))
    branch = [
        write_session(
            "b00", 0, [(STEADY[0], "failed", 1)], branch="login", commit="c", start=START + timedelta(hours=50)
        )
    ]
    return b"".join(sessions + branch)


def hostile_log() -> bytes:
    """Three sessions whose names, messages and links are all hostile."""
    sessions = []
    for number in range(3):
        results = [(f"tests/{evil.replace('::', '')}.py::test_{evil}", "failed", 1) for evil in EVIL[:-1]]
        results += [(nodeid, "passed", 1) for nodeid in STEADY]
        results.append((f"tests/long.py::test_{EVIL[-1]}", "failed", 1))
        results += [(evil, "failed" if number else "passed", 1) for evil in ("constructor", "__proto__", "toString")]
        vcs = {"commit": "</h1><b>" if number else "__proto__", "branch": "<b>main", "dirty": False}
        more = {
            "sut": "<i>shop</i>{{7*7}}",
            "ci": {"url": EVIL[3], "job": "http:javascript"},
            "variant": {"<u>": "\u202e"},
            "vcs": vcs,
        }
        lines = write_session(f"s{number}<b>", 0, results, start=START + timedelta(hours=number), **more)
        sessions.append(with_message(lines, rb"E   Error: </pre><script>window.owned=1</script>{{7*7}} \\u202e"))
    return b"".join(sessions)


def with_message(lines: bytes, message: bytes, said: bytes = b"RuntimeError: db down") -> bytes:
    """Return a session whose failures say something else, with the digests that its lines then have.

    Args:
        lines: of the session.
        message: what they say then.
        said: what they say now.
    """
    made: list[bytes] = []
    for line in lines.splitlines():
        body = line.rpartition(b',"digest":"')[0].replace(said, message)
        if b'"type":"session.finished"' in body:
            root = hashlib.blake2b(b"".join(each[-35:-3] for each in made), digest_size=16).hexdigest()
            body = re.sub(rb'"root":"[0-9a-f]{32}"', f'"root":"{root}"'.encode(), body)
        made.append(body + f',"digest":"{hashlib.blake2b(body, digest_size=16).hexdigest()}"}}\n'.encode())
    return b"".join(made)


def make_report(log: Path, folder: Path, *words: str) -> Path:
    """Write the report about a log with the command, and return its page."""
    out = folder / "report.html"
    assert run(["report", str(log), "-o", str(out), *words]) == 0
    return out


class PageReader(HTMLParser):
    """What a page holds: elements, attributes and the text that is shown.

    Args:
        text: of the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._silent = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "title"):
            self._silent = tag

    def handle_endtag(self, tag):
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data):
        if not self._silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        """The text that is shown, with single blanks."""
        return " ".join("".join(self.words).split())

    def ids(self) -> list[str]:
        """Return all ids."""
        return [attributes["id"] for _, attributes in self.tags if attributes.get("id")]

    def links(self) -> list[str]:
        """Return where all links lead."""
        return [attributes["href"] for tag, attributes in self.tags if tag == "a" and "href" in attributes]


def data_of(page: str) -> tuple[dict, bytes, bytes]:
    """Return the data of a page: its head, the bytes of the results and those of the durations."""
    body = gzip.decompress(base64.b64decode(re.search(r'id="data">([^<]*)<', page)[1]))
    length = int.from_bytes(body[:4], "big")
    head, tables = json.loads(body[4 : 4 + length]), body[4 + length :]
    assert len(tables) == 2 * len(head["tests"]) * len(head["sessions"])
    return head, tables[: len(tables) // 2], tables[len(tables) // 2 :]
