"""The package as users get it: a wheel and an sdist with the right files, and a wheel that does the main job."""

import ast
import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = sorted({path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"})
EXTRAS_OF_ROOM = {
    "dashboard": ["dashboard"],
    "reports": ["report"],
    "lake": ["lake"],
    "testdata": ["testdata"],
    "syncstorage": ["sync"],
    "collector": ["server", "bucket"],
}
"""The extra that a room needs beside the dependencies of every installation."""


def quiet(*command, **options):
    """Run a command that must succeed."""
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the wheel and the sdist, built as a release is: the sdist from the tree, the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    for name in quiet("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
        if (ROOT / name).exists():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    quiet(sys.executable, "-m", "build", "--no-isolation", "-o", folder / "dist", source)
    [wheel], [sdist] = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, sdist


def names_in_wheel(wheel):
    """Return the paths in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_package_and_nothing_else(built):
    """Tests, documents and tools are left out; each module and each mark of types is in it."""
    names = names_in_wheel(built[0])
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pytest_insight"}
    assert {name.split("/")[1] for name in names if name.count("/") > 1 and ".dist-info/" not in name} == set(ROOMS)
    modules = {f"pytest_insight/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert modules <= set(names)
    assert {f"pytest_insight/{room}/py.typed" for room in ROOMS} <= set(names)
    pages = {
        f"pytest_insight/{path.relative_to(ROOT)}"
        for folder in ("collector/pages", "dashboard", "reports")
        for kind in ("assets", "templates")
        for path in (ROOT / folder / kind).glob("*.*")
    }
    assert pages <= set(names)
    assert {Path(name).suffix for name in pages} == {".css", ".jinja", ".js"}


def test_the_sdist_has_what_its_tests_and_documents_need(built):
    """A build from it can also be tested, and its documents built."""
    with tarfile.open(built[1]) as archive:
        names = {name.split("/", maxsplit=1)[1] for name in archive.getnames() if "/" in name}
    tracked = set(quiet("git", "ls-files", cwd=ROOT).splitlines())
    needed = {name for name in tracked if name.startswith(("docs/", "tests/")) or name.endswith((".py", ".md"))}
    assert {name for name in needed if (ROOT / name).exists()} - names == set()
    assert not [name for name in names if name.endswith(".pyc")]


def test_both_pass_the_check_of_the_index(built):
    """`twine check --strict` accepts the description and the metadata."""
    shown = quiet(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built)
    assert shown.count("PASSED") == 2


def test_version_and_metadata_come_from_one_place(built):
    """`pytest_insight.__version__`, the wheel's name and its metadata agree, and no other file repeats the number."""
    [line] = [line for line in (ROOT / "__init__.py").read_text().splitlines() if line.startswith("__version__")]
    version = ast.literal_eval(line.split("=")[1].strip())
    with zipfile.ZipFile(built[0]) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Version"] == version
    assert built[0].name.startswith(f"pytest_insight-{version}-")
    assert "version" not in PYPROJECT["project"]


@cache
def distributions_by_import():
    """Return the distributions of this environment by the name of what is imported."""
    return packages_distributions()


def distributions_imported(room):
    """Return the distributions outside of the standard library that a room imports, and the files that do."""
    found = {}
    known = distributions_by_import()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.split(".")[0] for name in names} - {"pytest_insight", *sys.stdlib_module_names}:
                for distribution in known.get(name, [name]):
                    found.setdefault(distribution.lower().replace("_", "-"), set()).add(str(path.relative_to(ROOT)))
    return found


def required(requirements):
    """Return the names of a list of requirements."""
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


GUARDED = {
    ("cli", "psutil"),
    ("cli", "sqlalchemy"),
    ("cli", "urllib3"),
    ("collector", "compression"),
    ("collector", "backports.tarfile"),
}
"""Imports beyond these that a room tries on purpose: the command then says which extra to install.

Zstandard is in the standard library from Python 3.14 on, and in a distribution of the package `backports` before."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_its_extra_installs(room):
    """Each import is of a dependency of every installation, or of the one extra of the room."""
    project = PYPROJECT["project"]
    allowed = required(project["dependencies"])
    for extra in EXTRAS_OF_ROOM.get(room, ()):
        allowed |= required(project["optional-dependencies"][extra])
    found = distributions_imported(room)
    assert {name: files for name, files in found.items() if name not in allowed and (room, name) not in GUARDED} == {}


def test_the_wheel_does_the_main_job(built, tmp_path):
    """Installed apart from the source, it records a run and shows it, and says which version it is."""
    home = tmp_path / "environment"
    quiet(sys.executable, "-m", "venv", "--without-pip", home)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", home / "bin" / "python"]
    quiet(*pip, "install", "-q", "--no-deps", "--no-index", built[0])
    # Dependencies are those of this environment; what it holds of the package itself is found after the wheel.
    [packages] = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (tmp_path / "test_a.py").write_text("def test_ok(): pass\ndef test_bad(): assert 0\n")
    environment = {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    }
    environment |= {"PYTEST_INSIGHT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    options = {"cwd": tmp_path, "env": environment}
    python = home / "bin" / "python"
    place = quiet(python, "-c", "import pytest_insight; print(pytest_insight.__file__)", **options)
    assert Path(place.strip()).is_relative_to(packages)
    run = subprocess.run([python, "-m", "pytest", "--insight", "test_a.py"], capture_output=True, **options)
    assert run.returncode == 1
    shown = quiet(home / "bin" / "insight", "session", "show", "last", **options)
    assert "1 failed, 1 passed" in shown
    said = quiet(home / "bin" / "insight", "--version", **options)
    version = quiet(python, "-c", "import pytest_insight; print(pytest_insight.__version__)", **options)
    assert said == f"pytest-insight {version}"


def test_the_install_line_of_the_readme_works_today():
    """The README installs from a checkout, as nothing is published yet; no page names a package that does not exist."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    lines = [line for page in pages for line in page.read_text().splitlines() if "pip install" in line]
    assert any(re.search(r"pip install \.(\s|$)", line) for line in lines)
    assert [line for line in lines if re.search(r"pip install ['\"]?pytest-insight", line)] == []
