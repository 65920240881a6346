"""The header of a session: what is known about a run before its first test.

Each fact is found out by itself: one that cannot be had is left out and said, the others are recorded.
"""

import os
import platform
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from ..eventlog.events import SessionStarted
from ..eventlog.live.owner import own_identity
from . import git, metadata
from .settings import Settings

T = TypeVar("T")
Degrade = Callable[[str, BaseException], None]


def make_header(
    config: pytest.Config, settings: Settings, session_id: str, test_run: str, degrade: Degrade
) -> SessionStarted:
    """Return `session.started`.

    Args:
        config: of the run.
        settings: of the recorder.
        session_id: of the session.
        test_run: that the session is a part of.
        degrade: is told what could not be found out, and why.
    """

    def ask(name: str, find: Callable[[], T], otherwise: T) -> T:
        try:
            return find()
        except Exception as error:  # noqa: BLE001 - the boundary: the header is written without this fact
            degrade(name, error)
            return otherwise

    vcs = ask("vcs", lambda: git.find_vcs(config.rootpath), None)
    environment = ask("env", lambda: metadata.chosen_environment(os.environ, settings.environment), {})
    return SessionStarted(
        session_id=session_id,
        sut=settings.sut or ask("sut", lambda: metadata.find_sut(config.rootpath, vcs), metadata.UNKNOWN_SUT),
        testing_system=ask(
            "testing_system", lambda: metadata.testing_system(settings.system_name, settings.system_type), {}
        ),
        pytest=pytest.__version__,
        python=platform.python_version(),
        plugins=ask("plugins", lambda: metadata.plugin_versions(config.pluginmanager.list_plugin_distinfo()), {}),
        args=ask("args", lambda: [str(arg) for arg in config.invocation_params.args], []),
        rootdir=str(config.rootpath),
        vcs=vcs,
        ci=ask("ci", lambda: metadata.find_ci(os.environ), {}),
        tags=settings.tags,
        env=environment,
        variant=ask("variant", lambda: metadata.variant(os.environ, settings.variant), {}),
        workers=ask("workers", lambda: _workers_of(config), 0),
        output=settings.output,  # type: ignore[arg-type]
        writer={
            "name": "pytest-insight",
            "version": ask("version", metadata.own_version, "unknown"),
            "durability": settings.durability,
            **ask("identity", own_identity, {}),
        },
        test_run=test_run,
    )


def _workers_of(config: pytest.Config) -> int:
    option = config.option
    workers: Any = getattr(option, "numprocesses", None) or len(getattr(option, "tx", None) or ())
    return workers if isinstance(workers, int) else 0
