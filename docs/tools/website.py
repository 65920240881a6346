"""Build the documentation as a site: the Markdown pages as they are, and a reference of the API from the docstrings.

python docs/tools/website.py FOLDER

The build is strict: a link or an anchor that leads nowhere, a page that is missing from the contents, or a docstring
that cannot be read is an error. It reads only this tree and needs no network. The reference has the modules that a
sample on a page imports; docstrings are read from the source, nothing is imported.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tree import ROOT, read_rooms

CONTENTS: dict[str, list[str]] = {
    "Use it": [
        "docs/recording.md",
        "docs/analysis.md",
        "docs/report.md",
        "docs/dashboard.md",
        "docs/ci.md",
        "docs/cli.md",
        "docs/json.md",
        "docs/sql.md",
        "docs/exchange.md",
        "docs/profiles-and-exchange.md",
        "docs/security.md",
        "docs/performance.md",
    ],
    "Test data": ["docs/test-data.md", "docs/test-data-generation.md"],
    "Sync Storage": ["docs/sync-storage.md", "docs/sync-storage-clients.md"],
    "Collector": ["docs/collector.md", "docs/http-api.md", "docs/bucket.md", "docs/lake.md", "docs/scale.md"],
    "How it works": ["docs/architecture.md", "docs/format.md", "docs/durability.md", "docs/glossary.md"],
    "Project": ["CONTRIBUTING.md", "CHANGELOG.md"],
}
"""Pages in their order; a page that is missing here fails the build."""

_IMPORTED = re.compile(r"^\s*(?:from|import) (pytest_insight(?:\.\w+)+)", re.MULTILINE)


def list_pages(root: Path) -> list[Path]:
    """Return all pages of documentation."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]


def documented_modules(root: Path) -> list[str]:
    """Return the modules that a sample on a page imports, which are the public ones."""
    return sorted({name for page in list_pages(root) for name in _IMPORTED.findall(page.read_text(encoding="utf-8"))})


def make_configuration(work: Path, modules: list[str]) -> dict[str, object]:
    """Return the configuration of the generator; JSON is YAML as well."""
    navigation: list[dict[str, object]] = [{"pytest-insight": "index.md"}]
    contents = CONTENTS | {"Reference": [f"reference/{name}.md" for name in modules]}
    for caption, pages in contents.items():
        navigation.append({caption: pages})
    options = {
        "show_root_heading": False,
        "show_source": False,
        "members_order": "source",
        "show_if_no_docstring": False,
    }
    options |= {"docstring_options": {"warn_unknown_params": False, "warn_missing_types": False}}
    handler = {"paths": [str(work / "package")], "options": options}
    return {
        "site_name": "pytest-insight",
        "docs_dir": "pages",
        "site_dir": "site",
        "strict": True,
        "use_directory_urls": False,
        "nav": navigation,
        "theme": {"name": "material", "font": False, "features": ["navigation.sections"]},
        "plugins": ["search", {"mkdocstrings": {"handlers": {"python": handler}}}],
        "markdown_extensions": ["tables", "sane_lists", "pymdownx.superfences", {"toc": {"permalink": True}}],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"},
        },
    }


def assemble(work: Path) -> Path:
    """Write the sources of the site and its configuration to an empty folder; return the path of the configuration."""
    pages = work / "pages"
    shutil.copytree(ROOT / "docs", pages / "docs", ignore=shutil.ignore_patterns("tools", "examples"))
    for page in ROOT.glob("*.md"):
        shutil.copy(page, pages / ("index.md" if page.name == "README.md" else page.name))
    modules = documented_modules(ROOT)
    (pages / "reference").mkdir()
    for name in modules:
        (pages / "reference" / f"{name}.md").write_text(f"# {name}\n\n::: {name}\n", encoding="utf-8")
    package = work / "package" / "pytest_insight"
    package.mkdir(parents=True)
    for name in ["__init__.py", *read_rooms(ROOT)]:
        (package / name).symlink_to(ROOT / name)
    configuration = work / "mkdocs.yml"
    configuration.write_text(json.dumps(make_configuration(work, modules)), encoding="utf-8")
    return configuration


def build(target: Path) -> list[str]:
    """Build the site into a folder, which it replaces; return what is wrong, and write nothing then."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", str(assemble(work))]
        done = subprocess.run(command, check=False, cwd=work, capture_output=True, text=True)
        said = (done.stdout + done.stderr).splitlines()
        if done.returncode:
            return said
        unread = [line for line in said if line.startswith("griffe:")]
        if not unread:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(work / "site", target)
        return unread


def main() -> int:
    """Run the tool; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the site is written")
    wrong = build(parser.parse_args().folder)
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
