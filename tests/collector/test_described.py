"""The description of the interface, its page, and the files of the deployment."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import http_reference
import pytest
from pytest_insight.cli.app import NOUNS
from pytest_insight.collector.server.running import ServeSettings, serve
from pytest_insight.collector.views.questions import QUESTIONS

ROOT = Path(__file__).parent.parent.parent


def test_the_page_of_the_interface_is_current():
    """docs/http-api.md has the endpoints, parameters and problems that there are."""
    page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert http_reference.renew_page(page) == page, "run `make docs`"


def test_each_endpoint_is_described():
    """With a sentence, its parameters, and the refusals."""
    described = http_reference.make_described_app().openapi()
    assert {f"/api/v1{question.path}" for question in QUESTIONS} <= described["paths"].keys()
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert operation["description"].endswith("."), path
            named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path)), path
            assert path.startswith("/api/v1") == ("default" in operation["responses"]), path
    text = json.dumps(described)
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= described["components"]["schemas"].keys()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_keys_are_not_sent_in_the_clear_unless_asked(host):
    """Beyond the loopback address a certificate is needed, or the option that says a proxy has one."""
    with pytest.raises(ValueError, match="insecure-http"):
        serve(ServeSettings(host=host, port=0), lambda _: None)


def test_the_files_of_the_deployment_name_commands_and_options_that_exist():
    """Each `insight` command line in them is one that there is."""
    from pytest_insight.cli.app import build_app
    from typer.main import get_command

    known = {noun.name for noun in NOUNS}
    for path in (ROOT / "deploy").iterdir():
        for words in re.findall(r"\binsight ((?:serve|db|keys)[^\"&\n]*)", path.read_text()):
            name, *rest = words.split()
            assert name in known
            command = get_command(build_app(name)).commands[name]
            if getattr(command, "commands", None):
                command = command.commands[rest[0]]
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= options, words


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_the_unit_is_valid(tmp_path):
    """As systemd itself reads it, with programs that exist."""
    unit = (ROOT / "deploy" / "insight.service").read_text().replace("/opt/insight/bin/insight", "/bin/true")
    (tmp_path / "insight.service").write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / "insight.service"], capture_output=True, text=True)
    assert "insight.service" not in done.stderr, done.stderr
