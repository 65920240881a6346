"""Start of a recording: open the log, write the header, register the hooks."""

import os

import pytest

from ...eventlog.writer import Durability
from ..collection import CollectionHooks
from ..properties import PropertyTap
from ..recorder import Recorder
from ..recording import Recording, active
from ..redaction.events import RedactingWriter, open_writer
from ..redaction.redactor import Redactor
from ..session import SessionHooks
from ..settings import Settings, joined_arguments, read_settings
from ..terminal import TerminalHooks
from ..xdist import XdistHooks
from .boundary import PLUGIN_NAME
from .nesting import is_log_of_outer_run, is_nested, mark_recording
from .target import log_target, memory_log


def start_recording(config: pytest.Config) -> None:
    """Open the log, write the header and register the hooks. Does nothing inside a test of another recorded run.

    Raises:
        pytest.UsageError: an option has a wrong value.
        EventLogError, OSError: the log cannot be opened.
    """
    settings = read_settings(config)
    redact = Redactor(settings.redact)
    if (active or is_nested()) and not (settings.log or os.environ.get("PYTEST_INSIGHT_NESTED")):
        return
    if settings.log and is_log_of_outer_run(log_target(settings.log, "", config.invocation_params.dir)[0]):
        return
    try:
        writer, profile = _open_writer(config, settings, redact)
    except ValueError as error:
        raise pytest.UsageError(f"--insight-profile: {error}") from error
    try:
        recording = _begin(config, settings, writer, profile, redact)
    except BaseException:
        writer.close()
        raise
    if settings.sync:
        from ..sync import join_test_run  # noqa: PLC0415 - imported only by sessions that join a test run

        join_test_run(recording, settings.sync_port)
    if settings.storage != "local":
        from ..sending import send_while_running  # noqa: PLC0415 - imported only by sessions that are sent

        send_while_running(recording)


def _open_writer(config: pytest.Config, settings: Settings, redact: Redactor) -> tuple[RedactingWriter, str]:
    in_memory = memory_log(settings.log, settings.profile)
    if in_memory is not None:
        from ...eventlog.targets.memory_writer import MemoryWriter  # noqa: PLC0415 - only for a memory profile

        return RedactingWriter(MemoryWriter(in_memory[0]), redact), in_memory[1]
    path, profile = log_target(settings.log, settings.profile, config.invocation_params.dir)
    writer = open_writer(path, redact, durability=Durability(settings.durability), direct=bool(settings.log))
    return writer, profile


def _begin(
    config: pytest.Config, settings: Settings, writer: RedactingWriter, profile: str, redact: Redactor
) -> Recording:
    params = config.invocation_params
    args = tuple(joined_arguments([str(arg) for arg in params.args]))
    config.invocation_params = type(params)(args=args, plugins=params.plugins, dir=params.dir)
    recording = Recording(config, settings, writer, profile, redact)
    _register_hooks(recording)
    active.append(recording)
    mark_recording(writer.path)
    return recording


def _register_hooks(recording: Recording) -> None:
    """Write the header, and register all hooks if that succeeded."""
    recorder = Recorder(recording)
    session = SessionHooks(recording, recorder)
    collection = CollectionHooks(recording, session.take_collected)
    terminal = TerminalHooks(recording, session.settle)
    session.last_step = terminal.write_new_problems
    session.write_header()
    plugins = {
        PLUGIN_NAME: recorder,
        f"{PLUGIN_NAME}_session": session,
        f"{PLUGIN_NAME}_collection": collection,
        f"{PLUGIN_NAME}_xdist": XdistHooks(recording, collection.announce, recorder.running_tests),
        f"{PLUGIN_NAME}_terminal": terminal,
        f"{PLUGIN_NAME}_properties": PropertyTap(recorder.take_properties),
    }
    for name, plugin in plugins.items():
        recording.config.pluginmanager.register(plugin, name)
