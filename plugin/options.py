"""All settings of the plugin in one table: option, ini name, environment variable.

Every pytest run imports this module, recorded or not, so it contains only what the declaration of options needs;
`plugin.settings` reads the values.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

OUTPUT_LIMIT_BYTES = 64 * 1024


class Setting:
    """A setting with all its names. A plain class is made faster than a NamedTuple at the start of a run.

    Args:
        name: name of the field of `Settings`, and of the option's destination behind `insight_`.
        flags: how its option is written; empty if it has none.
        help: what it is for.
        ini, env: its other names; empty if it has none.
        kind: `string`, `bool`, `linelist`; the types of pytest's ini values.
        choices: the values that it may have, if not all.
        metavar: placeholder of its value in the help text.
    """

    __slots__ = ("choices", "env", "flags", "help", "ini", "kind", "metavar", "name")

    def __init__(
        self,
        name: str,
        flags: tuple[str, ...],
        help: str,  # noqa: A002 - as argparse has it
        ini: str = "",
        env: str = "",
        kind: str = "string",
        choices: tuple[str, ...] = (),
        metavar: str = "",
    ) -> None:
        self.name = name
        self.flags = flags
        self.help = help
        self.ini = ini
        self.env = env
        self.kind = kind
        self.choices = choices
        self.metavar = metavar


SETTINGS = (
    Setting(
        "enabled", ("--insight",), "Record this run in the log of the profile.", "insight", "PYTEST_INSIGHT", "bool"
    ),
    Setting(
        "profile",
        ("--insight-profile", "--ip"),
        "Profile to record into; created if it does not exist (default: the active profile).",
        "insight_profile",
        "PYTEST_INSIGHT_PROFILE",
        metavar="NAME",
    ),
    Setting(
        "log",
        ("--insight-log",),
        "Record into this file instead of a profile, for instance as a CI artifact; implies --insight.",
        "insight_log",
        "PYTEST_INSIGHT_LOG",
        metavar="PATH",
    ),
    Setting(
        "sut",
        ("--insight-sut", "--is"),
        "System under test (default: the project's name, or its remote for a git checkout).",
        "insight_sut",
        "PYTEST_INSIGHT_SUT",
        metavar="NAME",
    ),
    Setting(
        "system_name",
        ("--insight-test-system-name", "--itsn"),
        "Name of the testing system (default: the host's name).",
        "insight_test_system_name",
        "PYTEST_INSIGHT_SYSTEM_NAME",
        metavar="NAME",
    ),
    Setting(
        "durability",
        ("--insight-durability",),
        "When to fsync; all tiers survive kill -9 (default: session).",
        "insight_durability",
        "PYTEST_INSIGHT_DURABILITY",
        choices=("never", "session", "test", "event"),
    ),
    Setting(
        "output",
        ("--insight-output",),
        "Tests whose captured output is recorded (default: failed).",
        "insight_output",
        "PYTEST_INSIGHT_OUTPUT",
        choices=("all", "failed", "none"),
    ),
    Setting(
        "output_limit",
        ("--insight-output-limit",),
        f"Longest captured section in bytes; a longer one keeps its head and tail (default: {OUTPUT_LIMIT_BYTES}).",
        "insight_output_limit",
        "PYTEST_INSIGHT_OUTPUT_LIMIT",
        metavar="BYTES",
    ),
    Setting(
        "tags",
        ("--insight-tag",),
        "Tag of the session; may be given several times.",
        "insight_tags",
        kind="linelist",
        metavar="KEY=VALUE",
    ),
    Setting(
        "variant",
        ("--insight-variant",),
        "Condition under which the same tests are run, in addition to Python version and operating system, such as a"
        " value of a CI matrix; may be given several times.",
        "insight_variant",
        "PYTEST_INSIGHT_VARIANT",
        kind="linelist",
        metavar="KEY=VALUE",
    ),
    Setting(
        "strict",
        ("--insight-strict",),
        "Exit with 1 instead of 0 if announced tests have no verdict.",
        "insight_strict",
        "PYTEST_INSIGHT_STRICT",
        "bool",
    ),
    Setting(
        "sync",
        ("--insight-sync",),
        "Take part in a test run of several pytest processes: each becomes a worker at the Sync Storage service of this"
        " machine, which is started if it does not run.",
        "insight_sync",
        "PYTEST_INSIGHT_SYNC",
        "bool",
    ),
    Setting(
        "run",
        ("--insight-run",),
        "Test run of this session (default: the run of the CI; with --insight-sync and without CI, a new test run).",
        "insight_run",
        "PYTEST_INSIGHT_RUN",
        metavar="ID",
    ),
    Setting(
        "sync_port",
        ("--insight-sync-port",),
        "Port of the Sync Storage service (default: 49152).",
        "insight_sync_port",
        "TMS_SYNC_STORAGE_PORT",
        metavar="PORT",
    ),
    Setting(
        "storage",
        ("--insight-storage",),
        "Where to keep the events of a recorded run: the log alone, or also a collector (remote) or its PostgreSQL"
        " database, to which another process sends them while tests run (default: local).",
        "insight_storage",
        "PYTEST_INSIGHT_STORAGE",
        choices=("local", "remote", "database"),
    ),
    Setting(
        "remote_url",
        ("--insight-remote-url",),
        "Collector for --insight-storage=remote.",
        "insight_remote_url",
        "INSIGHT_REMOTE_URL",
        metavar="URL",
    ),
    Setting(
        "api_key",
        ("--insight-api-key",),
        "Key of the collector. Other users of this machine see it while the run lasts; prefer INSIGHT_API_KEY, or"
        " INSIGHT_API_KEY_FILE with a file that only you may read.",
        metavar="KEY",
    ),
    Setting(
        "db_url",
        ("--insight-db-url",),
        "PostgreSQL database for --insight-storage=database; prefer INSIGHT_DB_URL for one with a password.",
        "insight_db_url",
        "INSIGHT_DB_URL",
        metavar="URL",
    ),
    Setting(
        "db_team",
        ("--insight-db-team",),
        "Team that the events belong to in the database of --insight-storage=database (default: default).",
        "insight_db_team",
        "INSIGHT_DB_TEAM",
        metavar="NAME",
    ),
    Setting(
        "push_wait",
        ("--insight-push-wait",),
        "How long the end of the run waits until the last events are sent (default: 5 with CI, else 0).",
        "insight_push_wait",
        "PYTEST_INSIGHT_PUSH_WAIT",
        metavar="SECONDS",
    ),
    Setting(
        "redact",
        (),
        "Regular expressions of texts that are replaced by [redacted] before they are written.",
        "insight_redact",
        kind="linelist",
    ),
    Setting(
        "environment", (), "Names of environment variables to record (glob patterns).", "insight_env", kind="linelist"
    ),
)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def add_options(parser: pytest.Parser) -> None:
    """Declare all options and ini names."""
    group = parser.getgroup("insight", "flight recorder (pytest-insight)")
    for setting in SETTINGS:
        if setting.flags:
            group.addoption(*setting.flags, **_option(setting))
        if setting.ini:
            parser.addini(setting.ini, setting.help, type=_ini_type(setting), default=None)


def _option(setting: Setting) -> dict[str, Any]:
    option: dict[str, Any] = {"dest": f"insight_{setting.name}", "default": None, "help": setting.help}
    if setting.kind == "bool":
        return option | {"action": "store_true"}
    if setting.kind == "linelist":
        return option | {"action": "append", "metavar": setting.metavar}
    if setting.choices:
        return option | {"choices": setting.choices}
    return option | {"metavar": setting.metavar}


def _ini_type(setting: Setting) -> Any:
    return "linelist" if setting.kind == "linelist" else "string"


def is_wanted(option: Callable[[str], Any], ini: Callable[[str], Any], environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a run is to be recorded, from its options and its environment alone.

    Args:
        option: returns the value of a command line option by its destination; None if it was not given.
        ini: returns the value of an ini name; None if it is not set.
        environ: the environment.
    """
    return bool(
        option("insight_enabled")
        or option("insight_log")
        or truth(environ.get("PYTEST_INSIGHT"), "PYTEST_INSIGHT")
        or environ.get("PYTEST_INSIGHT_LOG")
        or ini("insight_log")
        or truth(ini("insight"), "insight")
    )


def truth(value: object, name: str) -> bool:
    """Return the meaning of a text for yes or no.

    Raises:
        pytest.UsageError: the text is neither.
    """
    if isinstance(value, bool) or value is None:
        return bool(value)
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise pytest.UsageError(f"{name}: {value!r} is neither true nor false")
    return text in _TRUE
