"""Values of the plugin's settings for a run that is recorded.

The command line wins over the environment, the environment over the ini file.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ..eventlog.plain import clean_text, shorten
from .options import OUTPUT_LIMIT_BYTES, SETTINGS, Setting, truth

SYNC_PORT = 49152
"""Default port of Sync Storage; a copy, so that recorded runs do not import the client. A test compares the two."""
RUN_CHARS_MAX = 200
PUSH_WAIT_IN_CI_S = 5.0
_PUSH_WAIT_MAX_S = 3600.0
_PORT_MAX = 65535


@dataclass(frozen=True)
class Settings:
    """Values of the settings for one run."""

    enabled: bool
    profile: str
    log: str
    sut: str
    system_name: str
    durability: str
    output: str
    output_limit: int
    tags: dict[str, str]
    strict: bool
    redact: list[str]
    environment: list[str]
    system_type: str = ""
    run: str = ""
    sync: bool = False
    sync_port: int = SYNC_PORT
    variant: dict[str, str] = field(default_factory=dict[str, str])
    storage: str = "local"
    remote_url: str = ""
    api_key: str = field(default="", repr=False)
    db_url: str = field(default="", repr=False)
    db_team: str = ""
    push_wait: float = 0.0


def joined_arguments(args: Sequence[str]) -> list[str]:
    """Return a command line with the options of this plugin and their values as one word each, `--insight-log=PATH`.

    pytest looks for its root folder before it knows the options of plugins, and takes every word that is an existing
    path for a path of tests. The log does not exist when a run begins, but it exists when xdist starts its workers with
    the same words: they would find another root folder, and other names of tests.
    """
    takes_value = {flag for setting in SETTINGS if setting.kind != "bool" for flag in setting.flags}
    joined: list[str] = []
    words = iter(args)
    for word in words:
        value = next(words, None) if word in takes_value else None
        joined.append(word if value is None else f"{word}={value}")
    return joined


def read_settings(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a run.

    Raises:
        pytest.UsageError: a setting has a wrong value.
    """
    values = {setting.name: _value(setting, config, environ) for setting in SETTINGS}
    for setting in SETTINGS:
        if setting.choices and values[setting.name] and values[setting.name] not in setting.choices:
            choices = ", ".join(setting.choices)
            raise pytest.UsageError(f"{setting.ini}: {values[setting.name]!r} is not one of {choices}")
    return Settings(
        enabled=True,
        profile=values["profile"] or "",
        log=values["log"] or "",
        sut=values["sut"] or "",
        system_name=values["system_name"] or "",
        durability=values["durability"] or "session",
        output=values["output"] or "failed",
        output_limit=_size(values["output_limit"]),
        tags=dict(_pair(tag, "--insight-tag") for tag in values["tags"] or ()),
        strict=truth(values["strict"], "insight_strict"),
        redact=list(values["redact"] or ()),
        environment=list(values["environment"] or ()),
        system_type=environ.get("PYTEST_INSIGHT_SYSTEM_TYPE", ""),
        run=_run(values["run"] or ""),
        sync=truth(values["sync"], "insight_sync"),
        sync_port=_port(values["sync_port"]),
        variant=dict(_pair(text, "--insight-variant") for text in values["variant"] or ()),
        storage=values["storage"] or "local",
        remote_url=values["remote_url"] or "",
        api_key=values["api_key"] or "",
        db_url=values["db_url"] or "",
        db_team=values["db_team"] or "",
        push_wait=_push_wait(values["push_wait"], environ),
    )


def early_settings(config: pytest.Config, options: Any, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a run that ended before its options and its ini file were read completely.

    Wrong values do not raise here: the run ended with an error of its own.

    Args:
        config: of the run.
        options: namespace of the options that pytest knew so far.
        environ: the environment.
    """

    def value(name: str, variable: str) -> str:
        return str(getattr(options, f"insight_{name}", None) or environ.get(variable) or "")

    try:
        patterns: list[str] = list(config.getini("insight_redact") or ())
    except (KeyError, ValueError, pytest.UsageError):
        patterns = []  # the ini file itself ended the run
    return Settings(
        enabled=True,
        profile=str(getattr(options, "insight_profile", None) or ""),
        log=value("log", "PYTEST_INSIGHT_LOG"),
        sut=str(getattr(options, "insight_sut", None) or ""),
        system_name=value("system_name", "PYTEST_INSIGHT_SYSTEM_NAME"),
        durability="session",
        output="failed",
        output_limit=OUTPUT_LIMIT_BYTES,
        tags={},
        strict=False,
        redact=patterns,
        environment=[],
        system_type=environ.get("PYTEST_INSIGHT_SYSTEM_TYPE", ""),
        run=shorten(clean_text(value("run", "PYTEST_INSIGHT_RUN").strip())[0], RUN_CHARS_MAX)[0],
    )


def _value(setting: Setting, config: pytest.Config, environ: Mapping[str, str]) -> Any:
    given = config.getoption(f"insight_{setting.name}", None) if setting.flags else None
    if setting.kind == "linelist":
        named = environ.get(setting.env, "").replace(",", "\n").split("\n") if setting.env else []
        return [*(config.getini(setting.ini) or ()), *(word for word in named if word.strip()), *(given or ())]
    from_ini = config.getini(setting.ini) if setting.ini else None
    return given or (environ.get(setting.env) if setting.env else None) or from_ini


def _size(value: str | None) -> int:
    if not value:
        return OUTPUT_LIMIT_BYTES
    if not value.isascii() or not value.isdigit():
        raise pytest.UsageError(f"--insight-output-limit: {value!r} is not a number of bytes")
    return int(value)


def _run(text: str) -> str:
    name = text.strip()
    if len(name) > RUN_CHARS_MAX or not name.isprintable():
        raise pytest.UsageError(
            f"--insight-run: the name is too long or not printable; use at most {RUN_CHARS_MAX} printable characters"
        )
    return name


def _port(value: str | None) -> int:
    if not value:
        return SYNC_PORT
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= _PORT_MAX:
        raise pytest.UsageError(f"--insight-sync-port: {value!r} is not a port; use 1 to {_PORT_MAX}")
    return int(value)


def _push_wait(value: str | None, environ: Mapping[str, str]) -> float:
    if not value:
        return PUSH_WAIT_IN_CI_S if environ.get("CI", "").strip().lower() not in ("", "0", "false") else 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _PUSH_WAIT_MAX_S:
        raise pytest.UsageError(f"--insight-push-wait: {value!r} is not a number of seconds; use 0 to 3600")
    return seconds


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise pytest.UsageError(f"{option}: {text!r} is not KEY=VALUE")
    return key.strip(), value.strip()
