"""The one builder of `session.started`: facts about a run before its first test.

Each fact is found on its own: a fact that cannot be found is left out and reported, the others are recorded.
"""

import os
import platform
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

from ...eventlog.events import SessionStarted
from ...eventlog.live.owner import own_identity
from ..settings import Settings
from . import git, metadata
from .places import find_places

T = TypeVar("T")
Degrade = Callable[[str, BaseException], None]


def build_header(
    config: pytest.Config,
    settings: Settings,
    session_id: str,
    test_run: str,
    degrade: Degrade,
    args: Sequence[str] | None = None,
) -> SessionStarted:
    """Return `session.started`.

    Args:
        config: of the run.
        settings: of the recorder.
        session_id: id of the session.
        test_run: test run that the session is a part of; empty for none.
        degrade: called with the name of a fact that could not be found, and the error.
        args: command line of the run; None takes it from `config`, which does not have it in the earliest phase.
    """

    def find(name: str, function: Callable[[], T], otherwise: T) -> T:
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - the boundary: the header is written without this fact
            degrade(name, error)
            return otherwise

    vcs = find("vcs", lambda: git.find_vcs(config.rootpath), None)
    return SessionStarted(
        session_id=session_id,
        sut=settings.sut or find("sut", lambda: metadata.find_sut(config.rootpath, vcs), metadata.UNKNOWN_SUT),
        testing_system=find(
            "testing_system", lambda: metadata.testing_system(settings.system_name, settings.system_type), {}
        ),
        pytest=pytest.__version__,
        python=platform.python_version(),
        plugins=find("plugins", lambda: metadata.plugin_versions(config.pluginmanager.list_plugin_distinfo()), {}),
        args=find("args", lambda: list(map(str, config.invocation_params.args if args is None else args)), []),
        places=find("places", lambda: find_places(config), None),
        rootdir=str(config.rootpath),
        vcs=vcs,
        ci=find("ci", lambda: metadata.find_ci(os.environ), {}),
        tags=settings.tags,
        env=find("env", lambda: metadata.chosen_environment(os.environ, settings.environment), {}),
        variant=find("variant", lambda: metadata.variant(os.environ, settings.variant), {}),
        workers=find("workers", lambda: _count_workers(config), 0),
        output=settings.output,  # type: ignore[arg-type]
        writer={
            "name": "pytest-insight",
            "version": find("version", metadata.own_version, "unknown"),
            "durability": settings.durability,
            **find("identity", own_identity, {}),
        },
        test_run=test_run,
    )


def _count_workers(config: pytest.Config) -> int:
    option = config.option
    workers: Any = getattr(option, "numprocesses", None) or len(getattr(option, "tx", None) or ())
    return workers if isinstance(workers, int) else 0
