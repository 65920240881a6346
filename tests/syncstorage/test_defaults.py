"""Time limits are written once: the command line, the documents and the clients use the same."""

import inspect
import re
from pathlib import Path

import pytest
from pytest_insight.cli.commands.sync_storage import app as sync_storage
from pytest_insight.plugin import options, settings
from pytest_insight.syncstorage.client import agent, config, keep_alive, runner
from pytest_insight.syncstorage.defaults import DEFAULT_PORT, KEEP_ALIVE_INTERVAL_S, SilenceLimits

ROOT = Path(__file__).parent.parent.parent
OPTIONS = {
    "lease": "lease_s",
    "silent_lease": "silent_lease_s",
    "quiet": "quiet_s",
    "idle_exit": "idle_exit_s",
    "request_timeout": "request_s",
}
"""Option of `insight sync-storage serve`, and the limit that it sets."""


@pytest.mark.parametrize("option", OPTIONS)
def test_the_command_line_has_the_defaults_of_the_class(option):
    """Each limit is an option, whose default is that of the class."""
    parameters = inspect.signature(sync_storage.serve).parameters
    assert parameters[option].default == getattr(SilenceLimits(), OPTIONS[option])
    assert set(OPTIONS.values()) == set(SilenceLimits._fields)


def test_a_lease_outlasts_three_keep_alives_of_each_client():
    """Two lost keep-alives in a row do not end the lease of a client."""
    assert keep_alive.KEEP_ALIVE_INTERVAL_S == KEEP_ALIVE_INTERVAL_S
    for interval_s in (KEEP_ALIVE_INTERVAL_S, agent.BEAT_INTERVAL_S):
        assert 3 * interval_s < SilenceLimits().lease_s


def test_the_documents_have_the_defaults_of_the_class():
    """The pages on Sync Storage give the limits of the class."""
    pages = [(ROOT / "docs" / name).read_text() for name in ("sync-storage.md", "sync-storage-clients.md")]
    limits = SilenceLimits()
    assert f"{limits.lease_s:g} s if it ever sent a keep-alive, else {limits.silent_lease_s / 60:g} min" in pages[0]
    assert f"{limits.idle_exit_s / 60:g} minutes without use" in pages[0]
    assert f"(`--quiet`, {limits.quiet_s:g} s)" in pages[0]
    assert f"their lease is over ({limits.lease_s:g} s)" in pages[1]


def test_the_default_port_is_the_same_everywhere(monkeypatch):
    """The plugin, both client classes and the help text use one port."""
    monkeypatch.delenv("TMS_SYNC_STORAGE_PORT", raising=False)
    assert settings.SYNC_PORT == DEFAULT_PORT
    assert config.SyncStorageConfig().port == runner.SyncStorageRunner("run").port == str(DEFAULT_PORT)
    (help_text,) = [setting.help for setting in options.SETTINGS if setting.name == "sync_port"]
    assert re.findall(r"default: (\d+)", help_text) == [str(DEFAULT_PORT)]


@pytest.mark.parametrize("limit", ["95.0", "900.0"])
def test_no_other_module_repeats_a_limit(limit):
    """A limit that differs between two modules would be a defect of one of them."""
    sources = [path for room in ("syncstorage", "cli", "plugin") for path in (ROOT / room).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in sources if re.search(rf"\b{limit}\b", path.read_text())}
    assert found <= {"syncstorage/defaults.py"}
