"""The lazy modules of `api/internal`: their two lists of names, for types and for loading, are equal."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

INTERNAL = Path(__file__).parent.parent.parent / "api" / "internal"
LAZY = sorted(path.stem for path in INTERNAL.glob("*.py") if path.stem not in ("__init__", "lazy"))


@pytest.mark.parametrize("name", LAZY)
def test_what_type_checkers_see_is_what_is_loaded(name):
    """Each name under TYPE_CHECKING is in the table, with its module; and each of the table can be had."""
    tree = ast.parse((INTERNAL / f"{name}.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: "." * node.level + node.module for node in block.body for alias in node.names}
    module = import_module(f"pytest_insight.api.internal.{name}")
    table = {each: place for place, names in module._MODULES.items() for each in names.split()}
    assert seen == table
    assert all(getattr(module, each) is not None for each in table)
