"""Install the wheel and the sdist with each extra alone, on each Python that is there, and use what the extra is for.

python tests/campaigns/packages.py [PYTHON ...]
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
USES = {
    "": [["-m", "pytest", "-q", "--insight", "test_a.py"], ["-m", "pytest_insight.cli", "session", "list"]],
    "testdata": [
        ["-c", "from pytest_insight.testdata import TestDataManager; import pytest_insight.testdata.generation"],
        ["-m", "pytest", "-q", "-p", "pytest_insight.testdata.fixtures", "test_a.py"],
    ],
    "lake": [
        ["-m", "pytest", "-q", "--insight", "test_a.py"],
        ["-m", "pytest_insight.cli", "lake", "export", "--to", "lake", "--running"],
    ],
    "parquet": [
        ["-m", "pytest", "-q", "--insight", "test_a.py"],
        ["-m", "pytest_insight.cli", "export", "tables", "--as", "parquet"],
    ],
    "sync": [
        ["-c", "import pytest_insight.syncstorage.client"],
        ["-m", "pytest_insight.cli", "sync-storage", "serve", "--help"],
    ],
}
"""Commands that must succeed, by extra."""


def find_pythons() -> list[str]:
    """Return the interpreters of supported versions that run."""
    found = [path for version in VERSIONS if (path := shutil.which(f"python{version}"))]
    return [path for path in found if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]


def run(*command: object, cwd: Path | None = None, home: Path | None = None) -> str:
    """Run a command; return what it wrote, or raise with it."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTEST_INSIGHT_HOME": f"{home}/insight"} if home else None
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Build once; install and use each combination."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_a.py").write_text("def test_ok(): pass\n")
        source = folder / "source"
        for tracked in run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
            if (ROOT / tracked).exists():
                (source / tracked).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / tracked, source / tracked)
        run(sys.executable, "-m", "build", "-o", folder / "dist", source)
        for python in sys.argv[1:] or find_pythons():
            for number, (extra, commands) in enumerate(USES.items()):
                [file] = (folder / "dist").glob("*.tar.gz" if number == 0 else "*.whl")
                venv = folder / f"{Path(python).name}-{extra}"
                run(python, "-m", "venv", venv)
                wanted = f"{file}[{extra}]" if extra else file
                run(venv / "bin" / "python", "-m", "pip", "-q", "--disable-pip-version-check", "install", wanted)
                for command in commands:
                    run(venv / "bin" / "python", *command, cwd=folder, home=folder)
                print(f"{python}: {file.suffix} with {extra or 'no extra'}: ok", flush=True)


if __name__ == "__main__":
    main()
