"""The page of `insight report` as text: complete without script, safe with hostile texts, the same for the same log."""

import base64
import hashlib
import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from histories import write_session
from pytest_insight.cli.app import run
from report_pages import (
    BREAK,
    EVIL,
    FLAKY,
    GONE,
    HUNG,
    RETRIED,
    SLOW,
    START,
    PageReader,
    data_of,
    hostile_log,
    make_report,
    shop_log,
)  # fmt: skip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return the log of the scripted history and the page about it."""
    folder = tmp_path_factory.mktemp("shop")
    log = folder / "shop.jsonl"
    log.write_bytes(shop_log())
    return log, make_report(log, folder).read_text()


@pytest.fixture(scope="module")
def reader(shop):
    """Return what the page holds."""
    return PageReader(shop[1])


def test_the_page_says_everything_without_its_script(reader):
    """Broken with commits, flaky with evidence, failures with a traceback, cut, slower, lost, sessions: all is text."""
    text = reader.text
    assert text.index("1 test fails that was good at aaaaaaaaa") < text.index("Since bbbbbbbbb")
    for words in (
        "new, never flaky", "both on", "RuntimeError: db down", "TestRefund::test_partial[eur]", "tests/billing/test_refund.py",
        "same-source", "good in s06", "failed in s07", "rerun, then passed", "killed", "Sessions cut short 1 of 13", "Outages", "Other branches", "Slower 1 confirmed", "Lost 1 test",
    ):  # fmt: skip
        assert words in text, words
    for nodeid in (BREAK, FLAKY, RETRIED, SLOW, HUNG, GONE):
        assert nodeid.partition("::")[2] in text
    assert "oading" not in text


def test_no_link_leads_to_what_is_not_there(reader):
    """Without script each link within the page has its target, and each id is there once."""
    ids = reader.ids()
    assert len(ids) == len(set(ids))
    within = {link[1:] for link in reader.links() if link.startswith("#")}
    assert within - set(ids) == set()
    assert all(link.startswith(("#", "https://ci.example/")) for link in reader.links())


def test_the_strip_is_in_the_row_of_its_test_and_says_itself_in_words(shop):
    """A row of a broken test holds its strip, whose label counts the results; colours are attributes, never styles."""
    row = re.search(r"<tr[^>]*>(?:(?!</tr>).)*TestRefund(?:(?!</tr>).)*</tr>", shop[1], re.DOTALL)[0]
    assert re.search(r'aria-label="failing since 1 of 12 runs: error 1, failed 1, passed 10"', row)
    assert 'fill="#b2182b"' in row
    assert "style=" not in shop[1].partition("<body>")[2].partition("<script")[0]


def test_the_policy_names_the_hashes_of_what_is_in_the_page(shop):
    """The browser is told to run these bytes and nothing else; no handler and no address of the network is in it."""
    page = shop[1]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"<[^>]*\son\w+=", page)
    assert set(re.findall(r'(?:src|href)="(https?://[^"/]+)', page)) == {"https://ci.example"}


def test_nothing_reads_texts_as_markup():
    """No asset or template uses what turns a text into elements or code."""
    for path in [*(ROOT / "reports" / "assets").glob("*.js"), *(ROOT / "reports" / "templates").glob("*.jinja")]:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\(|\|\s*safe\b", path.read_text()
        )
        assert found == [], path.name


def test_the_same_log_and_time_give_the_same_bytes(shop, tmp_path):
    """Two reports are equal, also of the log in another file and with a time; a later session changes it."""
    log, page = shop
    assert make_report(log, tmp_path).read_text() == page
    at = ["--as-of", "2026-11-03T12:00"]
    first = make_report(log, tmp_path, *at).read_bytes()
    later = tmp_path / "later.jsonl"
    later.write_bytes(shop_log() + write_session("new", 0, [(BREAK, "passed")], start=START + timedelta(days=9)))
    assert make_report(later, tmp_path, *at).read_bytes() == first
    assert make_report(later, tmp_path).read_text() != page


def test_hostile_texts_add_no_element_and_stay_readable(tmp_path):
    """Markup, template braces, addresses that run code, marks that turn text, NUL and huge ids are only text."""
    log = tmp_path / "evil.jsonl"
    log.write_bytes(hostile_log())
    page = make_report(log, tmp_path).read_text()
    reader = PageReader(page)
    assert [tag for tag, _ in reader.tags if tag in ("img", "i", "u", "iframe", "object")] == []
    assert [tag for tag, _ in reader.tags].count("script") == 2
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert all(link.startswith("#") for link in reader.links())
    for words in (*EVIL[:5], r"\u202egpj.exe", r"nul\x00esc\x1b[31m", "{{7*7}}"):
        assert " ".join(words.split()) in reader.text, words
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
    assert len(page) < 250_000
    head, *_ = data_of(page)
    assert len({"constructor", "__proto__", "toString"} & set(head["tests"])) == 3


def one(name="s0", results=(("t.py::a", "passed"),), **more):
    """Return a log of a session."""
    return write_session(name, 0, list(results), start=START, **more)


EMPTY = {
    "no session": (b"", "no session is recorded yet"),
    "one session": (one(), "nothing is broken"),
    "one test that fails": (one(results=[("t.py::a", "failed")]), "1 test broken, never good in this span"),
    "killed before a result": (one(results=[("t.py::a", None)], seal=False), "was killed after 0 of 1 test"),
    "no test": (one(results=[], status=5), "latest session ran no tests"),
    "only a module": (one(results=[], uncollected=["t.py"]), "could not collect 1 module"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_small_histories_have_a_page_that_says_so(name, tmp_path):
    """Each begins with its sentence, and has every page; nothing is a percentage of a few runs."""
    lines, sentence = EMPTY[name]
    log = tmp_path / "log.jsonl"
    log.write_bytes(lines)
    text = PageReader(make_report(log, tmp_path).read_text()).text
    assert sentence in text
    assert "No flaky test in" in text


def test_a_rate_of_few_runs_is_told_as_counts(shop, reader):
    """A flaky test that was looked at on fewer than five commits has no percentage."""
    row = re.search(
        r"<tr><th(?:(?!</tr>).)*test_twice(?:(?!</tr>).)*</tr>", shop[1].partition('id="flaky"')[2], re.DOTALL
    )[0]
    assert "2 of 11 sessions: 18.2 %" in " ".join(re.sub("<[^>]*>", "", row).split())
    row = re.search(
        r"<tr><th(?:(?!</tr>).)*test_rate(?:(?!</tr>).)*</tr>", shop[1].partition('id="flaky"')[2], re.DOTALL
    )[0]
    assert "of 6 commits" in row or "%" not in re.sub("<[^>]*>", "", row)


def test_a_budget_leaves_out_the_oldest_and_says_so(shop, tmp_path, capsys):
    """A page is as small as asked, names what is missing, and keeps what stands without script."""
    log, whole = shop
    static = len(whole) - len(re.search(r'id="data">([^<]*)<', whole)[1])
    out = tmp_path / "report.html"
    limit = static + (len(whole) - static) * 8 // 10
    capsys.readouterr()
    assert run(["report", str(log), "-o", str(out), "--json", "--max-size", str(limit)]) == 0
    told = json.loads(capsys.readouterr().out)
    page = out.read_text()
    assert told["bytes"] == len(out.read_bytes()) <= limit
    assert any("leaves out the oldest" in sentence for sentence in told["left_out"])
    assert all(sentence in PageReader(page).text for sentence in told["left_out"])
    head, results, _ = data_of(page)
    assert 0 < len(head["sessions"]) < 13
    assert head["sessions"][-1][0] == "s11"
    assert any(results)
    assert "rule" in page


def test_a_folder_holds_page_style_and_script(shop, tmp_path, capsys):
    """`--dir` writes three files; the page names the two others and runs nothing else."""
    assert run(["report", str(shop[0]), "--dir", str(tmp_path / "site"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(Path(name).name for name in told["files"]) == ["index.html", "report.css", "report.js"]
    page = (tmp_path / "site" / "index.html").read_text()
    assert "script-src &#39;self&#39;; style-src &#39;self&#39;" in page
    assert "<style" not in page
    assert PageReader(page).text == PageReader(shop[1]).text


def test_the_command_tells_path_size_counts_and_what_was_left_out(shop, tmp_path, capsys):
    """The numbers of --json are those of the log."""
    out = tmp_path / "a.html"
    assert run(["report", str(shop[0]), "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("path", "sessions", "sut", "left_out")} == {
        "path": str(out), "sessions": 13, "sut": "shop", "left_out": [],
    }  # fmt: skip
    assert told["bytes"] == out.stat().st_size
    assert run(["report", str(shop[0]), "-o", str(out)]) == 0
    assert "13 sessions, 39 tests" in capsys.readouterr().out


WRONG = {
    "-o out.html --dir out": "give either --output or --dir",
    "--max-size many": "'many' is no size; write it as 2MB or 500kB",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_options_are_named(words, shop, tmp_path, monkeypatch, capsys):
    """Nothing is written then."""
    monkeypatch.chdir(tmp_path)
    assert run(["report", str(shop[0]), *words.split()]) != 0
    assert WRONG[words] in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_never_replaced_by_a_report(tmp_path, capsys):
    """A report that would overwrite a recorded log is refused."""
    log = tmp_path / "shop.jsonl"
    log.write_bytes(one())
    assert run(["report", str(log), "-o", str(log)]) != 0
    assert log.read_bytes() == one()
    assert "choose another file" in capsys.readouterr().err


def test_without_the_templates_library_the_command_says_what_to_install(shop, tmp_path, monkeypatch, capsys):
    """Every other command works without it; this one names the extra."""
    for name in [name for name in sys.modules if name.startswith(("jinja2", "pytest_insight.reports"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert run(["report", str(shop[0]), "-o", str(tmp_path / "a.html")]) != 0
    assert "a report needs jinja2; pip install" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
