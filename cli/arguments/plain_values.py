"""Values of options that need no adapter.

Newer releases of Typer convert each value by an adapter of pydantic, which takes longer to load than a question takes
to answer. A value that is there as text already, or was not given, is converted here; whatever else there is (other
types, limits that are broken, a file that cannot be read) is left to Typer, so that its messages stay its own.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args, get_origin

_DIGITS_MAX = 9


class _NotPlainError(Exception):
    """A value is one for Typer's adapter."""


def convert_plain_values(command: Any) -> None:
    """Let a command, and those in it, load no adapter for values that need none."""
    command.get_params = partial(
        _parameters, command.get_params
    )  # not `params`: the one for help is made when asked for
    for below in getattr(command, "commands", {}).values():
        convert_plain_values(below)


def _parameters(all_of: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """Return the options and arguments of a command."""
    found = all_of(context)
    for param in found:
        adapter_of = getattr(param, "get_runtime_param", None)  # not there in releases of Typer without adapters
        if adapter_of is not None and not isinstance(adapter_of, partial):
            param.get_runtime_param = partial(PlainValues, param, adapter_of)
    return found


class PlainValues:
    """Converts the values of one option or argument.

    Args:
        parameter: it, as Typer made it from a signature.
        adapter_of: returns Typer's own conversion.
    """

    def __init__(self, parameter: Any, adapter_of: Callable[[], Any]) -> None:
        self._parameter = parameter
        self._adapter_of = adapter_of

    def coerce(self, value: Any, **context: Any) -> Any:
        """Return a value in the type that the signature has."""
        try:
            return self._plain(value)
        except _NotPlainError:
            return self._adapter_of().coerce(value, **context)

    def _plain(self, value: Any) -> Any:
        many = self._parameter.multiple or self._parameter.nargs == -1
        if value is None:
            return () if many else None
        descriptor = self._parameter.type_descriptor
        info = descriptor.parameter_info
        if info.parser is not None:
            raise _NotPlainError
        if not many:
            return _convert(value, descriptor.annotation, info)
        if get_origin(descriptor.annotation) is not list or not isinstance(value, (list, tuple)):
            raise _NotPlainError
        (annotation,) = get_args(descriptor.annotation)
        return [_convert(item, annotation, info) for item in cast("Sequence[Any]", value)]


def _convert(value: Any, annotation: Any, info: Any) -> Any:
    if type(value) is str and annotation in _CONVERSIONS:
        return _CONVERSIONS[annotation](value, info)
    if annotation in (int, float) and type(value) is annotation:  # a default
        return _check_limits(value, info)
    raise _NotPlainError


def _text(value: str, _: Any) -> str:
    return value


def _whole_number(value: str, info: Any) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX):
        raise _NotPlainError
    return _check_limits(int(value), info)


def _check_limits(value: Any, info: Any) -> Any:
    if (info.min is not None and value < info.min) or (info.max is not None and value > info.max):
        raise _NotPlainError
    return value


def _path(value: str, info: Any) -> Path:
    usual = info.file_okay and info.dir_okay and not (info.writable or info.resolve_path or info.exists)
    if not usual or info.path_type is not None or "\0" in value:
        raise _NotPlainError
    if os.path.exists(value) and not os.access(value, os.R_OK):  # noqa: PTH110 - as cheap as can be
        raise _NotPlainError
    return Path(value)


_CONVERSIONS: dict[Any, Callable[[str, Any], Any]] = {str: _text, int: _whole_number, Path: _path}
