"""The pages as a whole: tables that are generated, paths that exist, a glossary that is used, and the site."""

import re
import subprocess
import sys
from pathlib import Path

import architecture
import pytest
import tree
import website

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
GLOSSARY_WORDS_MAX = 50


def test_the_tables_of_the_architecture_page_are_current():
    """Rooms are those of the import table, and each change names the file that defines its symbol now."""
    page = ARCHITECTURE.read_text(encoding="utf-8")
    assert architecture.renew_page(page) == page, "run `make docs`"


def test_each_room_of_the_import_table_is_on_the_architecture_page():
    """The table of the test and the folders of the package agree."""
    assert set(architecture.read_import_table(ROOT)) == set(tree.read_rooms(ROOT))


@pytest.mark.parametrize("page", [ARCHITECTURE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_each_path_that_a_page_names_exists(page):
    """A file or folder in code marks that belongs to a folder of the tree is there."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    named = re.findall(r"`(?:python )?([\w./-]+/[\w./-]*)(?: [^`]*)?`", page.read_text(encoding="utf-8"))
    inside = {name for name in named if name.split("/")[0] in folders}
    assert len(inside) >= 3
    assert [name for name in sorted(inside) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "change",
    [
        "an event type",
        "an outcome category",
        "a question",
        "a column in `session list`",
        "a token shape for redaction",
        "an import format",
        "the rule of flaky",
        "the lock order",
        "a command",
    ],
)
def test_a_common_change_has_one_file_to_open(change):
    """The page has one line for the change, with one file."""
    [line] = [
        line for line in ARCHITECTURE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {change} |")
    ]
    assert len(re.findall(r"`[\w/]+\.py`", line)) == 1


def test_a_symbol_that_two_modules_define_is_refused():
    """The table never names one of two places."""
    sources = [tree.Source(Path(f"{name}.py"), "NOUNS = ()\n") for name in ("a", "b")]
    with pytest.raises(LookupError, match="NOUNS is not defined by exactly one module"):
        architecture.find_definition(sources, ("NOUNS",))
    assert architecture.find_definition(sources[:1], ("MISSING", "NOUNS")) == ("NOUNS", "a.py")


def glossary_words() -> list[str]:
    """Return the words of the glossary."""
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [row.strip() for row in rows if row.strip() != "word"]


def test_the_glossary_has_at_most_fifty_words_in_three_groups():
    """Log, tests and services; each word is there once."""
    words = glossary_words()
    assert len(words) == len(set(words)) <= GLOSSARY_WORDS_MAX
    assert re.findall(r"^## (.*)", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE) == ["Log", "Tests", "Services"]


def test_each_word_of_the_glossary_is_used():
    """It is on another page, in the plural or not."""
    pages = [page for page in website.list_pages(ROOT) if page not in (GLOSSARY, ROOT / "CHANGELOG.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    unused = [word for word in glossary_words() if not re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE)]
    assert unused == []


def test_the_contents_of_the_site_list_each_page_once():
    """A page that is missing from the contents could not be found; the README is the first page."""
    listed = [page for pages in website.CONTENTS.values() for page in pages]
    pages = [str(page.relative_to(ROOT)) for page in website.list_pages(ROOT) if page.name != "README.md"]
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("page", website.list_pages(ROOT), ids=lambda page: page.name)
def test_a_page_is_plain_markdown(page):
    """Outside of samples there is no directive of a generator, so that the page can be read on its own."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"^(:::|!!!|\.\. \w+::|\{%|=== \")", text, re.MULTILINE)
    assert text.lstrip().startswith("# ")


def test_the_site_is_built_strictly(tmp_path):
    """No link, anchor or docstring is wrong; the reference has each module that a sample imports."""
    tool = ROOT / "docs" / "tools" / "website.py"
    done = subprocess.run([sys.executable, tool, tmp_path / "site"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    modules = website.documented_modules(ROOT)
    assert "pytest_insight.core.models" in modules
    written = {path.stem for path in (tmp_path / "site" / "reference").glob("*.html")}
    assert written == set(modules)
    assert "Return" in (tmp_path / "site" / "reference" / "pytest_insight.core.models.html").read_text()
