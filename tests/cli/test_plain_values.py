"""Values of options are converted without an adapter exactly as Typer converts them with one."""

import os

import pytest
import typer
from pytest_insight.cli.app import NOUNS, build_app
from pytest_insight.cli.arguments.plain_values import PlainValues, convert_plain_values
from typer.main import get_command

VALUES = [
    *(
        "",
        "last",
        " x ",
        "0",
        "7",
        "-1",
        "+3",
        "007",
        "1_000",
        "1e3",
        "9" * 30,
        "\u0661",
        "3.5",
        "nan",
        "inf",
        "true",
        "no",
    ),
    *("-", ".", "./a//b/../c", "/", "no/such/file", "~", "caf\u00e9", "a\nb", "\udcff", "x" * 5000),
    *(None, 0, 7, -1, 30.0, 0.05, float("inf"), True, False, b"x"),
]


def parameters():
    """Return each option and argument of each command, by its command and name."""
    found = {}

    def add(command, name):
        for param in command.params:
            found[f"{name} {param.name}".strip()] = param
        for below, sub in getattr(command, "commands", {}).items():
            add(sub, f"{name} {below}".strip())

    for noun in NOUNS:
        add(get_command(build_app(noun.name)), "")
    return found


def outcome_of(convert):
    """Return what a conversion gives, with the types of it, or its error."""
    try:
        value = convert()
    except typer.BadParameter as error:
        return type(error), str(error)
    items = value if isinstance(value, (list, tuple)) else [value]
    return type(value), repr(value), [type(item) for item in items]


def both(param, value):
    """Return the results of the two conversions of a value."""
    own = param.get_runtime_param
    plain = PlainValues(param, own)
    return outcome_of(lambda: plain.coerce(value, param=param, ctx=None)), outcome_of(
        lambda: own().coerce(value, param=param, ctx=None)
    )


def with_adapters():
    """Return the parameters of all commands, if this release of Typer has adapters for them."""
    found = parameters()
    if not any(hasattr(param, "get_runtime_param") for param in found.values()):
        pytest.skip("this release of Typer converts values without adapters")
    return found


def test_each_option_of_each_command_is_converted_as_typer_converts_it():
    """What is there as text, was not given or is a default has the same value, type and error either way."""
    found = with_adapters()
    assert len(found) > 100
    for name, param in found.items():
        many = param.multiple or param.nargs == -1
        for value in VALUES:
            for given in [(value,), [value, "b"], ()] if many else [value]:
                plain, own = both(param, given)
                assert plain == own, f"{name}: {given!r}"


def test_paths_that_cannot_be_read_are_refused_as_typer_refuses_them(tmp_path, monkeypatch):
    """The message about a file without permission is Typer's own."""
    param = with_adapters()["session list log"]
    locked = tmp_path / "locked.jsonl"
    locked.touch()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(locked) and allowed(path, mode))
    plain, own = both(param, (str(locked), str(tmp_path)))
    assert plain == own
    assert plain[0] is typer.BadParameter


def test_the_options_that_a_command_line_adds_are_converted_too():
    """The option for help is made when it is asked for; it has no adapter either."""
    command = get_command(build_app("session"))
    convert_plain_values(command)
    listing = command.commands["session"].commands["list"]
    context = listing.make_context("list", [], resilient_parsing=True)
    names = [param.name for param in listing.get_params(context)]
    assert "help" in names
    if hasattr(listing.params[0], "get_runtime_param"):
        made = [param.get_runtime_param() for param in listing.get_params(context)]
        assert {type(one) for one in made} == {PlainValues}
        assert made[names.index("help")].coerce(None, param=None, ctx=None) is None
