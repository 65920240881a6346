"""Words before options are parsed: whether the first one is a command, or `insight` alone is given logs."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_VALUED = ("--sut", "--time", "--branch", "--variant", "--profile", "-p", "--log", "--remote", "--color")
"""Options of `insight` alone that take a value, which is no command and no log."""
_STDIN = "-"
_LOG_ENDINGS = (".jsonl", ".json", ".gz", ".zip", ".zst")


def command_named(arguments: Sequence[str]) -> str:
    """Return the first word that is no option and no value of one; empty without it, or if `--` is before it.

    Args:
        arguments: of the command line.
    """
    place = next(_places(arguments), None)
    return "" if place is None or "--" in arguments[:place] else arguments[place]


def name_logs(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """Return arguments with `--log` before each word of `insight` alone that is a log.

    As in git, a word that is a command is the command; `./data` and `-- data` are logs of that name.

    Args:
        arguments: of the command line.
        commands: names of the commands.
    """
    first = command_named(arguments)
    if first in commands or not (_is_log(first) or "--" in arguments):
        return list(arguments)
    places = set(_places(arguments))
    named: list[str] = []
    for place, word in enumerate(arguments):
        if place in places:
            named.append(f"--log={word}")
        elif word != "--":
            named.append(word)
    return named


def _is_log(word: str) -> bool:
    """Return whether a word means a log: it is there, or is written as a path."""
    return word == _STDIN or "/" in word or word.endswith(_LOG_ENDINGS) or (word != "" and Path(word).exists())


def _places(arguments: Sequence[str]) -> Iterator[int]:
    """Yield the places of words that are no options and no values of them."""
    is_value, only_words = False, False
    for place, word in enumerate(arguments):
        if is_value:
            is_value = False
        elif only_words or word == _STDIN or not word.startswith("-"):
            yield place
        elif word == "--":
            only_words = True
        else:
            is_value = word in _VALUED
