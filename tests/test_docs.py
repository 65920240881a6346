"""The documents tell the truth: their samples run, their generated parts are current, their links lead somewhere."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import format_reference
import pytest
import warm
from warm_shims import shims

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[a-z-]+)(?:: (?P<label>[^>]*))? -->\n)?```(?P<language>\w*)\n(?P<code>.*?)```", re.DOTALL
)


def blocks(page: Path, language: str) -> list[str]:
    """The code of all samples of a language on a page."""
    return [match["code"] for match in BLOCK.finditer(page.read_text()) if match["language"] == language]


STORIES = [
    "bucket.md",
    "exchange.md",
    "lake.md",
    "profiles-and-exchange.md",
    "sync-storage.md",
    "sync-storage-clients.md",
    "test-data-generation.md",
    "test-data.md",
]
"""Pages whose samples, Python and shell, build on each other."""

PYTHON_SAMPLES = [
    (page, number, code)
    for page in PAGES
    if page.name not in STORIES
    for number, code in enumerate(blocks(page, "python"), 1)
]


@pytest.mark.parametrize(
    ("page", "number", "code"), PYTHON_SAMPLES, ids=[f"{page.name}-{number}" for page, number, _ in PYTHON_SAMPLES]
)
def test_python_samples_run(page, number, code, tmp_path):
    """Every Python sample runs as it stands, in an empty folder."""
    result = warm.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{page.name} sample {number}:\n{result.stderr}"


PLAIN = re.compile(r"""(insight(?: (?:[\w./,=-]+|"[^"$`\\]*"))+\n)+""")
"""A sample of nothing but calls of the command line, in which there is nothing for a shell to do."""


def commands_of(language: str, code: str) -> list[list[str]]:
    """Return the commands that follow a sample: the calls of the command line, else one for all of it."""
    if language == "python":
        return [[sys.executable, "-c", code]]
    if language != "sh":
        return []
    if PLAIN.fullmatch(code):
        return [[sys.executable, "-m", "pytest_insight.cli", *shlex.split(line)[1:]] for line in code.splitlines()]
    return [["sh", "-eu", "-c", code]]


def unused_port() -> str:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("name", STORIES)
def test_a_page_can_be_followed_from_top_to_bottom(name, tmp_path, tmp_path_factory):
    """All samples of a page in order, in one folder and one home, as a new user would type them."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    with shims(tmp_path_factory.mktemp("programs") / "bin") as env["PATH"]:
        follow_page(name, tmp_path, env)


def follow_page(name, folder, env):
    """Run all samples of a page."""
    env["TMS_SYNC_STORAGE_PORT"] = unused_port()  # whoever else works on this machine has the usual one
    followed = 0
    for match in BLOCK.finditer((ROOT / "docs" / name).read_text()):
        commands = commands_of(match["language"], match["code"].replace("49321", env["TMS_SYNC_STORAGE_PORT"]))
        for command in commands:
            result = warm.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=env)
            assert result.returncode == 0, f"{match['code']}\n{result.stdout}{result.stderr}"
        followed += bool(commands)
    assert followed > 3


def example_lines() -> list[bytes]:
    """The worked example of the format page."""
    page = (ROOT / "docs" / "format.md").read_text()
    match = next(match for match in BLOCK.finditer(page) if match["mark"] == "example")
    return match["code"].encode().splitlines()


def test_the_worked_example_is_a_log(tmp_path):
    """The lines printed on the format page are whole events, checked by the function printed beside them."""
    code = next(code for code in blocks(ROOT / "docs" / "format.md", "python") if "def is_whole" in code)
    lines = example_lines()
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    check = "print([is_whole(line) for line in open('log.jsonl', 'rb').read().split(b'\\n')[:-1]])"
    result = subprocess.run([sys.executable, "-c", f"{code}\n{check}"], cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.strip() == str([True] * len(lines)), result.stderr


def test_the_worked_example_means_what_it_says():
    """Its events are a header, an announcement and a start, without a seal."""
    types = [json.loads(line)["type"] for line in example_lines()]
    assert types == ["session.started", "tests.announced", "test.started"]


def test_the_table_of_events_is_current():
    """docs/format.md lists exactly the fields that the event types have."""
    page = (ROOT / "docs" / "format.md").read_text()
    assert format_reference.renewed(page) == page, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    """Every relative link names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_pages_name_no_machine():
    """No page holds the path of somebody's machine."""
    for page in PAGES:
        assert not re.search(r"/(root|work)/", page.read_text()), page.name
