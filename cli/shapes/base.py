"""Parts of the shapes: closed objects, times in UTC, and shapes derived from answers of the Python API."""

import ast
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

_UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
Utc = Annotated[str, Meta(pattern=f"^{_UTC}$", description="Time in UTC, ISO 8601 with `Z`.")]
UtcOrEmpty = Annotated[str, Meta(pattern=f"^({_UTC})?$", description="Time in UTC, ISO 8601 with `Z`; empty if none.")]
Scalar = str | int | float | bool | None
Optional = msgspec.UnsetType
"""Of a field that is there only in some answers."""


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An object with these fields and no others."""


_SOURCES: dict[type, type] = {}
"""Derived shapes, with the classes that they are derived from."""


@cache
def derived(source: type, *left_out: str) -> type[msgspec.Struct]:
    """Return the shape of an answer as `data_of` prints it: fields `*_us` are times `*_at`, the others as they are.

    Args:
        source: a dataclass, NamedTuple or Struct of the Python API.
        left_out: fields that are not printed.
    """
    fields: list[tuple[str, Any]] = [
        (name[:-3] + "_at", Utc) if name.endswith("_us") else (name, _as_printed(hint, name))
        for name, hint in _hints(source).items()
        if name not in left_out
    ]
    shape = msgspec.defstruct(source.__name__, fields, bases=(Shape,), namespace={"__doc__": _summary(source)})
    _SOURCES[shape] = source
    return shape


def _hints(source: type) -> dict[str, Any]:
    kinds = ("__dataclass_fields__", "__struct_fields__", "_fields")
    names: Iterable[str] = next(getattr(source, kind) for kind in kinds if hasattr(source, kind))
    hints = get_type_hints(source)
    return {name: hints[name] for name in names}


def _is_answer(kind: type) -> bool:
    return hasattr(kind, "_fields") or is_dataclass(kind) or issubclass(kind, msgspec.Struct)


def _as_printed(hint: Any, name: str = "") -> Any:
    """Return a type with the answers in it replaced by their shapes, and that of a time by `UtcOrEmpty`."""
    if hint is str and name.endswith("_at"):
        return UtcOrEmpty
    if isinstance(hint, type) and _is_answer(hint):
        return derived(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (list, dict, tuple):
        return cast("Any", origin)[tuple(map(_as_printed, arguments))]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_as_printed, arguments))]  # noqa: UP007 - of a list of types
    return hint


# ------------------------------------------------------------------ schema


def schema_of(shape: Any, title: str) -> dict[str, Any]:
    """Return the JSON Schema of a shape, with what the fields mean.

    Args:
        shape: a Struct, or a type that is made of Structs.
        title: what it is the output of.
    """
    (schema,), definitions = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    notes: dict[tuple[str, str], str] = {}
    for struct in _structs_in(shape, set()):
        notes.update(_notes_of(struct))
    for name, definition in definitions.items():
        _describe(name, definition, notes)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return head | schema | ({"$defs": definitions} if definitions else {})


def _describe(name: str, definition: dict[str, Any], notes: dict[tuple[str, str], str]) -> None:
    for field, schema in definition.get("properties", {}).items():
        note = notes.get((name, field))
        if note is not None:
            schema["description"] = f"{note} {schema['description']}" if "description" in schema else note


def _structs_in(shape: Any, seen: set[type]) -> Iterator[type[msgspec.Struct]]:
    """Yield all Structs that a type is made of."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        if shape not in seen:
            seen.add(shape)
            yield shape
            for field in msgspec.structs.fields(shape):
                yield from _structs_in(field.type, seen)
        return
    for part in get_args(shape):
        yield from _structs_in(part, seen)


def _notes_of(struct: type[msgspec.Struct]) -> dict[tuple[str, str], str]:
    """Return what the fields of a Struct mean, by its name and theirs."""
    found: dict[tuple[str, str], str] = {}
    for cls in reversed(struct.__mro__):
        source = _SOURCES.get(cls, cls)
        for (owner, field), note in _field_notes(source.__module__).items():
            if owner == source.__name__:
                shown = field[:-3] + "_at" if cls in _SOURCES and field.endswith("_us") else field
                found[struct.__name__, shown] = note
    return found


@cache
def _field_notes(module: str) -> dict[tuple[str, str], str]:
    """Return the texts below the fields of classes, which Python itself does not keep."""
    notes: dict[tuple[str, str], str] = {}
    if not module.startswith("pytest_insight."):
        return notes
    for cls in ast.parse(inspect.getsource(sys.modules[module])).body:
        if not isinstance(cls, ast.ClassDef):
            continue
        for before, after in zip(cls.body, cls.body[1:], strict=False):
            match before, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    notes[cls.name, name] = " ".join(text.split())
                case _:
                    continue
    return notes


def _summary(source: type) -> str:
    return (inspect.getdoc(source) or "").partition("\n\n")[0]
