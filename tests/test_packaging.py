"""The package as users get it: a wheel in a fresh environment does the main job."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def quiet(*command, **options):
    """Run a command that must succeed."""
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_wheel_does_the_main_job(tmp_path):
    """Built, installed apart from the source, it records a run and shows it; nothing else lands in site-packages."""
    source = tmp_path / "source"
    tracked = quiet("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in tracked:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quiet(*pip, "wheel", "-q", "--no-deps", "-w", tmp_path, source)
    [wheel] = tmp_path.glob("*.whl")
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"pytest_insight", next(top for top in tops if top.endswith(".dist-info"))}
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "tests/" in name or "benchmarks/" in name]
    assert "pytest_insight/eventlog/py.typed" in names

    home = tmp_path / "environment"
    quiet(sys.executable, "-m", "venv", home)
    python = home / "bin" / "python"
    quiet(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", wheel)
    (tmp_path / "test_a.py").write_text("def test_ok(): pass\ndef test_bad(): assert 0\n")
    environment = {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    }
    environment |= {"PYTEST_INSIGHT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    run = subprocess.run(
        [python, "-m", "pytest", "--insight", "test_a.py"], cwd=tmp_path, env=environment, capture_output=True
    )
    assert run.returncode == 1
    shown = quiet(home / "bin" / "insight", "session", "show", "last", env=environment, cwd=tmp_path)
    assert "1 failed, 1 passed" in shown
