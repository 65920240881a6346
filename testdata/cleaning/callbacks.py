"""Cleanup functions: found by name in any process, and called with protection against their errors."""

import importlib
import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

from ..errors import CleanupCallbackError, CleanupTargetError
from ..model.values import check_json

__all__ = ["Durable", "as_durable", "call_durable", "call_here", "check_callback", "error_text"]

_ERROR_CHARS_MAX = 2000


class Durable(NamedTuple):
    """A cleanup that any process can run."""

    target: str
    """`package.module:function`."""
    arguments: dict[str, Any]
    import_root: str
    """Folder in which the module was found."""


class CleanupTimeoutError(Exception):
    """A callback exceeded its time limit; its thread cannot be ended and continues."""


def as_durable(cleanup: Any) -> Durable:
    """Return a durable cleanup after checking that the function exists and the arguments are JSON.

    Args:
        cleanup: `"package.module:function"`, the function itself, or a pair of either and its keyword arguments.

    Raises:
        CleanupTargetError: another process could not find the function.
        TypeError, ValueError: the arguments are not JSON.
    """
    target, given = cast("tuple[Any, Any]", cleanup) if isinstance(cleanup, tuple) else (cleanup, dict[str, Any]())
    if not isinstance(given, dict):
        raise CleanupTargetError(f"cleanup: {given!r} is not a dict; pass keyword arguments as a dict")
    arguments = cast("dict[str, Any]", given)
    check_json(arguments, "cleanup arguments")
    target = target if isinstance(target, str) else _name_of(target)
    module, function = _resolve(target, "")
    mistake = _call_mistake(function, arguments)
    if mistake:
        raise CleanupTargetError(f"{target!r}: cannot be called with the arguments {sorted(arguments)}: {mistake}")
    return Durable(target, dict(arguments), _root_of(module))


def check_callback(callback: Any) -> None:
    """Raise an error unless this process can call a callback.

    Raises:
        CleanupCallbackError: it is not a function, or needs arguments.
    """
    if not callable(callback):
        advice = "; pass it as cleanup=..." if isinstance(callback, str | tuple) else ""
        raise CleanupCallbackError(
            f"cleanup_callback: {callback!r} is {_kind_of(callback)}, not a function{advice}; give a function"
            " without arguments"
        )
    mistake = _call_mistake(callback, {})
    if mistake:
        raise CleanupCallbackError(
            f"cleanup_callback: {callback!r} cannot be called without arguments: {mistake}; bind them, as with"
            " functools.partial"
        )


def _kind_of(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _call_mistake(function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """Return the reason why a function cannot be called with keyword arguments; empty if it can, or if that is
    unknown.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # a function that is not written in Python may have no signature
    try:
        signature.bind(**arguments)
    except TypeError as error:
        return str(error)
    return ""


def call_durable(durable: Durable, timeout_s: float) -> None:
    """Call a durable cleanup in a thread of its own, and wait for it.

    Raises:
        CleanupTargetError: this process cannot find the function.
        CleanupTimeoutError: it took longer than `timeout_s` seconds.
        BaseException: the function raised it.
    """
    function = _resolve(durable.target, durable.import_root)[1]
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call_here(lambda: function(**durable.arguments))
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), name=f"cleanup {durable.target}", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise CleanupTimeoutError(f"did not end within {timeout_s:g} s; its thread goes on")
    if errors and isinstance(errors[0], KeyboardInterrupt):  # ours is raised by `join`
        raise RuntimeError("the callback raised KeyboardInterrupt") from errors[0]
    if errors:
        raise errors[0]


def call_here(callback: Callable[[], Any]) -> None:
    """Call a callback, and run its result if that is a coroutine."""
    result = callback()
    if inspect.iscoroutine(result):
        import asyncio  # noqa: PLC0415 - hardly any cleanup is a coroutine

        try:
            asyncio.run(cast("Coroutine[Any, Any, Any]", result))
        finally:
            result.close()


def error_text(error: BaseException) -> str:
    """Return an error as one text with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = f"{type(error).__name__}: {error}{where}"
    return text.encode("utf-8", "backslashreplace").decode()[:_ERROR_CHARS_MAX]


def _name_of(function: Any) -> str:
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    if not (callable(function) and name and module) or "<" in name or inspect.ismethod(function):
        raise CleanupTargetError(
            f"{function!r}: not a function of a module, so another process could not find it; name a function as"
            " 'package.module:function', or pass it as cleanup_callback, which only this process can run"
        )
    return f"{module}:{name}"


def _resolve(target: str, import_root: str) -> tuple[ModuleType, Callable[..., Any]]:
    module_name, colon, path = target.partition(":")
    if not (colon and module_name and path):
        raise CleanupTargetError(f"{target!r}: not a function name; write 'package.module:function'")
    if module_name == "__main__":
        raise CleanupTargetError(f"{target!r}: other processes cannot import a script; move the function to a module")
    module = _import(module_name, target, import_root)
    function: Any = module
    for name in path.split("."):
        function = getattr(function, name, None)
    if not callable(function):
        raise CleanupTargetError(f"{target!r}: module {module_name} has no function {path}")
    return module, function


def _import(name: str, target: str, import_root: str) -> ModuleType:
    there = bool(import_root) and _is_in(name, import_root)
    added = there and import_root not in sys.path
    if added:
        sys.path.append(import_root)  # where the process that registered it had found it
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise CleanupTargetError(f"{target!r}: cannot be imported: {error}") from error
    finally:
        if added:
            sys.path.remove(import_root)
    if there and _root_of(module) != import_root:
        raise CleanupTargetError(f"{target!r}: registered from {import_root}, but found in {_root_of(module)}")
    return module


def _is_in(name: str, folder: str) -> bool:
    base = Path(folder, *name.split("."))
    return base.with_suffix(".py").exists() or (base / "__init__.py").exists()


def _root_of(module: ModuleType) -> str:
    """Return the folder that must be on `sys.path` to find a module; empty for a module without a file."""
    if not getattr(module, "__file__", None):
        return ""
    path = Path(str(module.__file__)).resolve()
    depth = module.__name__.count(".") + (path.name == "__init__.py")
    return str(path.parents[depth])
