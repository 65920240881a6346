"""Validation of data: JSON Schema, named rules across fields, uniqueness, and existence of parents."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from .entities import EntitySpec, Rule
from .errors import GenerationError
from .jsonvalues import encode
from .providers import need

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = ["Problem", "check_schema", "problems_of"]

Exists = Callable[[str, Any], bool]
"""Function `(parent type, id)` that returns whether a parent exists."""


class Problem(NamedTuple):
    """One problem of data."""

    path: str
    """Path: `$[3].address.city`; `$` is the list of records, or the record if it was given alone."""
    rule: str
    """`schema`, `unique`, `parent`, `entity`, or the name of a rule."""
    message: str


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise a GenerationError if `schema` is not a JSON Schema."""
    from jsonschema import SchemaError  # noqa: PLC0415 - see _validator

    try:
        _validator_class().check_schema(schema)
    except SchemaError as error:
        raise GenerationError(f"schema: {error.json_path}: {error.message}") from error


def problems_of(records: list[Any], spec: EntitySpec, exists: Exists, *, alone: bool = False) -> list[Problem]:
    """Return all problems of records of an entity, in their order.

    Args:
        records: values to validate; they need not be records.
        spec: definition of the entity.
        exists: returns whether a parent exists.
        alone: the only record was given without a list.
    """
    found: list[tuple[int, Problem]] = []
    paths = ["$"] if alone else [f"$[{index}]" for index in range(len(records))]
    for index, (record, path) in enumerate(zip(records, paths, strict=True)):
        shape = list(_shape_problems(record, spec, path))
        found += [(index, problem) for problem in shape]
        # A rule may rely on the schema: it is not applied to a record that does not match the schema.
        if not shape:
            found += [(index, problem) for problem in _rule_problems(record, spec.rules, path)]
        found += [(index, problem) for problem in _parent_problems(record, spec, exists, path)]
    found += _doubles(records, spec.unique, paths)
    return [problem for _, problem in sorted(found, key=lambda item: item[0])]


def _validator_class() -> "type[Draft202012Validator]":
    try:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - only validation needs it
    except ModuleNotFoundError as error:
        raise need("jsonschema") from error
    return Draft202012Validator


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> "Draft202012Validator":
    from .jsonvalues import decode  # noqa: PLC0415

    return _validator_class()(decode(schema))


def _shape_problems(record: Any, spec: EntitySpec, path: str) -> Iterator[Problem]:
    if not isinstance(record, dict):
        yield Problem(path, "schema", f"a record must be a dict, not {type(record).__name__}")
        return
    validator: Any = _validator(encode(spec.schema))  # jsonschema gives no types to its arguments
    for error in validator.iter_errors(record):
        yield Problem(path + error.json_path[1:], "schema", error.message)


def _rule_problems(record: dict[str, Any], rules: Mapping[str, Rule], path: str) -> Iterator[Problem]:
    for name, rule in rules.items():
        try:
            verdict = rule(record)
        except Exception as error:  # an error in a rule itself is raised with the name of the rule and the path
            error.add_note(f"in the rule {name!r}, asked about {path}")
            raise
        if verdict is not None and verdict is not True:
            yield Problem(path, name, verdict or f"{name} does not hold")


def _parent_problems(record: Any, spec: EntitySpec, exists: Exists, path: str) -> Iterator[Problem]:
    if not isinstance(record, dict):
        return
    fields = cast("dict[str, Any]", record)
    for parent_type, name in spec.relations.items():
        parent = fields.get(name)
        if parent is not None and not exists(parent_type, parent):
            yield Problem(f"{path}.{name}", "parent", f"no {parent_type} with id {parent!r} is known")


def _doubles(records: list[Any], unique: Iterable[str], paths: list[str]) -> Iterator[tuple[int, Problem]]:
    for name in unique:
        seen: dict[str, str] = {}
        for index, record in enumerate(records):
            value = cast("dict[str, Any]", record).get(name) if isinstance(record, dict) else None
            if value is None:
                continue
            first = seen.setdefault(repr(value), paths[index])
            if first != paths[index]:
                yield index, Problem(f"{paths[index]}.{name}", "unique", f"{value!r} is already used by {first}")
