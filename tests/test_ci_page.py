"""The page on CI: each recipe is followed in an empty folder, as the provider would, on a run with a failing test."""

import os
import re
import shlex
from pathlib import Path

import pytest
import warm
import yaml
from warm_shims import shims

PAGE = (Path(__file__).parent.parent / "docs" / "ci.md").read_text()
TESTS = "def test_pay(): pass\ndef test_refund(): assert 500 == 200\n"


def sample(language, number=0):
    """Return a sample of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


def github():
    """Return the scripts of the steps, and the files that the run keeps."""
    steps = yaml.safe_load(sample("yaml"))["jobs"]["tests"]["steps"]
    kept = [step["with"]["path"] for step in steps if "with" in step]
    assert [step.get("if", "") for step in steps[2:]] == ["always()"] * len(steps[2:]), "also when tests failed"
    return [step["run"] for step in steps if "run" in step], [*kept, "summary.md"]


def gitlab():
    """Return the scripts of the job, and the files that it keeps."""
    job = yaml.safe_load(sample("yaml", 1))["tests"]
    assert job["artifacts"]["when"] == "always"
    return [*job["script"], *job["after_script"]], [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]


def jenkins():
    """Return the scripts of the pipeline, and the files that it keeps."""
    text = sample("groovy")
    assert text.index("always {") < text.index("insight export")
    kept = re.findall(r"(?:junit|artifacts:) '([^']*)'", text)
    return re.findall(r"sh '([^']*)'", text), [name for names in kept for name in names.split(", ")]


@pytest.mark.parametrize("recipe", [github, gitlab, jenkins])
def test_a_recipe_can_be_followed(recipe, tmp_path, tmp_path_factory):
    """Only the tests fail; the steps after them work, and all files that are kept are there and name the failing test."""
    scripts, kept = recipe()
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "test_shop.py").write_text(TESTS)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_CURRENT")}
    env |= {"BUCKET": (tmp_path / "shared").as_uri(), "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "CI": "true"}
    with shims(tmp_path_factory.mktemp("programs") / "bin") as env["PATH"]:
        results = [
            warm.run(["bash", "-e", "-c", script], cwd=folder, env=env, capture_output=True, text=True)
            for script in scripts
        ]
    told = "\n".join(f"{shlex.quote(done.args[-1])}: {done.returncode}\n{done.stderr}" for done in results)
    assert [done.returncode for done in results] == [1] + [0] * (len(scripts) - 1), told
    for name in kept:
        text = (folder / name).read_text()
        assert "test_refund" in text or name.endswith((".css", ".js")), name
