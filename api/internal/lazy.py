"""Names of a module that are loaded when they are used first."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def load_lazily(name: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module whose names are loaded from other modules when they are used first.

    Args:
        name: the module's `__name__`.
        modules: names, separated by blanks, by the module that has them, relative to the package.
    """
    module_of = {each: module for module, names in modules.items() for each in names.split()}

    def get_name(wanted: str) -> Any:
        module = module_of.get(wanted)
        if module is None:
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")
        user = sys.modules[name]
        value = getattr(import_module(module, user.__package__), wanted)
        setattr(user, wanted, value)
        return value

    return get_name
