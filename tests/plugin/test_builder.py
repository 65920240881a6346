"""`session.started` has one builder: a run that never began has the same header as one that did."""

import sys
from pathlib import Path

from pytest_insight.plugin.header import builder

ROOT = Path(__file__).parent.parent.parent
OF_THE_MACHINE = ("python", "plugins", "testing_system", "variant", "writer", "rootdir", "args", "pytest", "sut")


def test_only_the_builder_makes_a_header():
    """No other module of the plugin calls `SessionStarted`."""
    found = [path.name for path in (ROOT / "plugin").rglob("*.py") if "SessionStarted(" in path.read_text()]
    assert found == [Path(builder.__file__).name]


def test_a_run_that_never_began_has_the_facts_of_one_that_did(suite, run):
    """A broken conftest.py ends the run before the recorder starts; its header describes the same machine."""
    suite(test_a="def test_a(): pass\n")
    (began,) = run(sys.executable).of_type("session.started")
    suite(conftest="raise RuntimeError('broken')\n")
    (ended,) = run(sys.executable).of_type("session.started")
    assert ended["session_id"] != began["session_id"]
    for name in OF_THE_MACHINE:
        if name == "writer":
            assert {key: ended[name][key] for key in ("name", "version")} == {
                key: began[name][key] for key in ("name", "version")
            }
        elif name not in ("args", "plugins"):
            assert ended[name] == began[name], name
        else:
            assert ended[name], name


def test_a_fact_that_cannot_be_found_costs_only_itself(pytestconfig, monkeypatch):
    """Each fact in turn fails: the header is built without it, and the failure is reported once by its name."""
    settings = builder.Settings(
        enabled=True, profile="", log="", sut="", system_name="", durability="session", output="failed",
        output_limit=1, tags={}, strict=False, redact=[], environment=[],
    )  # fmt: skip
    faults = {"find_ci": "ci", "testing_system": "testing_system", "plugin_versions": "plugins", "find_sut": "sut"}
    whole = builder.build_header(pytestconfig, settings, "1" * 12, "run", lambda *_: None)
    for function, name in faults.items():
        reported = []
        with monkeypatch.context() as patch:
            patch.setattr(builder.metadata, function, lambda *_: 1 / 0)
            header = builder.build_header(
                pytestconfig, settings, "1" * 12, "run", lambda where, error, to=reported: to.append(where)
            )
        assert reported == [name]
        assert (header.session_id, header.test_run, header.rootdir) == (whole.session_id, "run", whole.rootdir)
