"""The parameters of a command are read from its function once in a process, not by every call of the command line."""

import weakref
from collections.abc import Callable
from typing import Any

from typer import main

_read = main.get_params_from_function
_known: weakref.WeakKeyDictionary[Callable, dict[str, Any]] = weakref.WeakKeyDictionary()


def get_known_params(function: Callable) -> dict[str, Any]:
    """Return the parameters of a function; nothing that typer does with them changes them."""
    params = _known.get(function)
    if params is None:
        params = _known[function] = _read(function)
    return params


def remember_signatures() -> None:
    """Let typer use what it has read before."""
    main.get_params_from_function = get_known_params
