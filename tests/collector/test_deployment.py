"""The files of deploy/: what they start works without Docker and systemd, with the settings that they name."""

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"


def container():
    """Return the command of the image, and the names of its settings; its parts fit those of the compose file."""
    text = (DEPLOY / "Dockerfile").read_text()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    collector, database = compose["services"]["collector"], compose["services"]["database"]
    assert (
        DEPLOY / collector["build"]["context"] / collector["build"]["dockerfile"]
    ).resolve() == DEPLOY / "Dockerfile"
    assert collector["ports"] == [f"127.0.0.1:8765:{re.search(r'EXPOSE (.*)', text)[1]}"]
    assert collector["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "healthcheck" in database
    user, _, rest = collector["environment"]["INSIGHT_DB_URL"].removeprefix("postgresql://").partition(":")
    assert user == database["environment"]["POSTGRES_USER"]
    assert rest.endswith(f"@database/{database['environment']['POSTGRES_DB']}")
    return json.loads(re.search(r"^CMD (.*)", text, re.MULTILINE)[1])


def unit():
    """Return the commands of the unit as one, in their order."""
    text = (DEPLOY / "insight.service").read_text()
    lines = [re.search(rf"^{name}=(.*)", text, re.MULTILINE)[1] for name in ("ExecStartPre", "ExecStart")]
    before, start = (line.replace("/opt/insight/bin/", "") for line in lines)
    return ["sh", "-c", f"{before} && exec {start}"]


@pytest.mark.parametrize("command_of", [container, unit])
def test_what_is_started_makes_the_schema_and_serves(command_of, empty, tmp_path):
    """On an empty database, with its URL in the environment."""
    command = [word.replace("/var/lib/insight", str(tmp_path)).replace("8765", "0") for word in command_of()]
    env = os.environ | {
        "INSIGHT_DB_URL": empty,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            told = ""
            for line in process.stdout:
                told += line
                if found := re.search(r"http://\S+:(\d+)", line):
                    break
            assert found, f"{shlex.join(command)}: {told}"
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/readyz") as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            process.communicate()
    assert process.returncode in (0, -15, 143), told
