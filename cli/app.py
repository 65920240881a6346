"""The `insight` command: its table of commands, and the one place where exceptions become exit codes.

Exit codes: 0 all is well; 1 the answer is no (damage found, views differ, no such session or profile, data left to
clean); 2 wrong usage; 3 a log or the environment cannot be used; 130 interrupted; 141 the reader of the output has
gone.
"""

import gc
import io
import os
import stat
import sys
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.main import get_command

from .arguments.first_words import command_named, name_logs
from .arguments.logs import ReadingState
from .arguments.plain_values import convert_plain_values
from .options import VersionOption, read_remotes

_COMMANDS_KEPT = 32


class Noun(NamedTuple):
    """A command as the top-level help lists it; its module is imported when it is used."""

    name: str
    module: str
    """In `cli/commands`."""
    help: str
    group: bool


NOUNS = (
    Noun("session", "session.app", "List recorded sessions and look into one.", group=True),
    Noun("history", "history", "Sessions over time.", group=True),
    Noun("sut", "sut", "Systems under test: list, show, compare, analyze.", group=True),
    Noun("test", "test.app", "One test over many sessions: history, trends, flakiness.", group=True),
    Noun("analytics", "analytics.app", "Figures and patterns: summary, compare, analyze, failures.", group=True),
    Noun(
        "report",
        "pages.report",
        "One HTML page about a history: broken, failures, flaky, every test.",
        group=False,
    ),
    Noun(
        "dashboard",
        "pages.dashboard",
        "The report in a browser, kept up to date as tests run.",
        group=False,
    ),
    Noun("sql", "sql", "Read-only SQL over sessions, results, tests and failures.", group=False),
    Noun("profile", "profile", "Named logs: list, create, switch, delete and merge them.", group=True),
    Noun("export", "export", "Write sessions to a file: JSON, JSON Lines or CSV.", group=False),
    Noun("import", "import_", "Add the sessions of a file, an archive or a folder of logs.", group=False),
    Noun("clear", "clear", "Clear sessions that are not wanted any more.", group=False),
    Noun("restore", "restore", "Show sessions again that were cleared.", group=False),
    Noun("merge", "merge", "Merge logs of many machines into one, in canonical order.", group=False),
    Noun("lake", "lake.app", "Months of a history as a Delta table, for questions over years.", group=True),
    Noun("log", "log.app", "Verify, describe, repair, pack and purge event logs.", group=True),
    Noun("sync", "collector.sync", "Send what a log has to a collector, and fetch what it lacks.", group=False),
    Noun("serve", "collector.serve", "Run the collector: the test results of a team in one place.", group=False),
    Noun("keys", "collector.keys", "API keys of a collector: create, list and revoke them.", group=True),
    Noun("teams", "collector.teams", "Teams of a collector: list and create them.", group=True),
    Noun("db", "collector.database", "Database of a collector: upgrade, check, backup, restore.", group=True),
    Noun("sync-storage", "sync_storage.app", "Coordinate the parallel workers of a test run.", group=True),
    Noun("data", "data", "Test data: list, show, history, locks, conflicts, snapshots, reap, health.", group=True),
    Noun("tail", "tail", "Show what happens in logs, live or afterwards.", group=False),
    Noun("replay", "replay", "Rebuild the views from the log.", group=False),
    Noun("schema", "schema", "JSON Schema of what a command prints with --json.", group=False),
)

EXIT_NO = 1
_GARBAGE_THRESHOLD = 50_000
EXIT_UNUSABLE = 3
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141
"""As the shell shows a process that SIGPIPE ended: 128 + 13."""


def build_app(wanted: str | None) -> typer.Typer:
    """Return the command line with the commands of one noun; the others are there by name and help only.

    Args:
        wanted: name of the noun; None for all, in full.
    """
    app = typer.Typer(
        name="insight",
        help="The memory of your pytest runs: query, follow and verify what `pytest --insight` recorded."
        " Without a command: one screen about this project, or about the logs that are named: files, folders, archives"
        " or `-`.\n\nExample: insight --sut shop --time 7d",
        subcommand_metavar="[LOG]... | COMMAND [ARGS]...",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    if wanted in {noun.name for noun in NOUNS}:
        app.callback()(_options)
    else:
        overview = import_module(".commands.overview", __package__).command
        app.callback(invoke_without_command=True)(read_remotes("", overview))
    for noun in NOUNS:
        if wanted not in (None, noun.name):
            app.command(noun.name, help=noun.help)(_placeholder)
        elif noun.group:
            app.add_typer(group_of(noun), name=noun.name, help=noun.help)
        else:
            command = import_module(f".commands.{noun.module}", __package__).command
            app.command(noun.name)(read_remotes(noun.name, command))
    return app


def group_of(noun: Noun) -> typer.Typer:
    """Return the commands of a noun."""
    group: typer.Typer = import_module(f".commands.{noun.module}", __package__).app
    for command in group.registered_commands:
        if command.callback is not None and "remote" not in command.callback.__annotations__:
            command.callback = read_remotes(f"{noun.name} {command.name}", command.callback)
    return group


def _placeholder() -> None:
    """Represent a command in the list of commands."""


def _options(version: VersionOption = False) -> None:
    """Take the options that come before a command."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:] if argv is None else argv
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; the one place where exceptions become exit codes."""
    escape_what_output_cannot_carry()
    try:
        code = _refuse_own_file_as_output() or _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone. Python would complain again while it shuts down, when it flushes what is left.
        sys.stdout = sys.__stdout__
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_CLOSED_PIPE
    return code


def _refuse_own_file_as_output() -> int:
    """Return an exit code other than 0 if stdout was redirected into a file that belongs to pytest-insight."""
    try:
        if not stat.S_ISREG(os.fstat(1).st_mode):
            return 0
    except OSError:
        return 0  # closed
    from pathlib import Path

    from ..api.internal.exchange import check_output
    from ..api.internal.logs import EventLogError

    try:
        check_output(Path("/proc/self/fd/1").readlink())
    except FileExistsError as error:
        typer.echo(f"insight: {_message(error)}", err=True)
        return EXIT_UNUSABLE
    except (EventLogError, OSError, RuntimeError):
        return 0  # without a home there is no file of ours; without /proc, no name of the output
    return 0


def escape_what_output_cannot_carry() -> None:
    """Let stdout and stderr escape characters that their encoding lacks, instead of raising, as pytest does."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


@lru_cache(_COMMANDS_KEPT)
def _command_of(wanted: str | None) -> Any:
    """Return the commands of a noun, ready to be run; a process that answers many questions makes them once.

    Args:
        wanted: name of the noun; None for all.
    """
    command = get_command(build_app(wanted))
    convert_plain_values(command)
    return command


def _run(arguments: list[str]) -> int:
    gc.set_threshold(_GARBAGE_THRESHOLD)  # imports and answers make many objects that stay; looking through them costs
    ReadingState.reset()
    arguments = name_logs(arguments, [noun.name for noun in NOUNS])
    wanted = command_named(arguments)
    completing = "_INSIGHT_COMPLETE" in os.environ
    usage_error: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
    try:
        result = _command_of(None if completing else wanted)(arguments, prog_name="insight", standalone_mode=False)
    except usage_error as error:
        error.show()
        return int(error.exit_code)
    except typer.Exit as error:
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None  # Click turned it into an exit code of its own
        raise
    except Exception as error:
        code = _exit_code(error)
        if code is None or os.environ.get("INSIGHT_DEBUG"):
            raise
        from .terminal.safe import safe

        typer.echo(f"insight: {safe(_message(error))}", err=True)
        return code
    from .terminal.hints import show_hint

    show_hint(arguments)
    return result if isinstance(result, int) else EXIT_NO if ReadingState.incomplete else 0


def _exit_code(error: Exception) -> int | None:
    """Return the exit code for an exception; None for an unexpected one, which is shown with its traceback."""
    from ..api.internal.logs import EventLogError, ProfileError

    if isinstance(error, ProfileError):
        return EXIT_NO
    if isinstance(error, LookupError) and isinstance(error, ValueError):
        return EXIT_NO  # there is no such test data
    if isinstance(error, (EventLogError, OSError)):
        return EXIT_UNUSABLE
    if isinstance(error, ValueError):
        return 2
    return EXIT_NO if isinstance(error, LookupError) and type(error) is not KeyError else None


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
