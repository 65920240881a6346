"""Values for the names in a template: from the caller, from the call, or generated for the entity."""

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, NamedTuple, cast

from ..errors import TemplateVariableError
from ..jsonvalues import json_copy
from ..scopes import current_worker

__all__ = ["Names", "given_values", "sort_names"]

OF_CALL = ("index", "seq", "worker")
"""Names with a value from the call, unless the caller gives one."""


class Names(NamedTuple):
    """Source of the value of each name."""

    given: dict[str, Any]
    """Values given by the caller, by name."""
    call: tuple[str, ...]
    """Names with a value from the call: index, seq and worker."""
    made: tuple[str, ...]
    """Names whose value is generated."""


def sort_names(
    wanted: Iterable[str], context: Mapping[str, Any], fields: Collection[str], makes: Callable[[str], bool]
) -> Names:
    """Return the source of the value of each name.

    Args:
        wanted: names in the template.
        context: values given by the caller.
        fields: fields of the entity; a given value also determines the fields that use it.
        makes: returns whether a value for a name can be generated.

    Raises:
        TemplateVariableError: some names have no value, or some values have no name.
    """
    names = tuple(wanted)
    if spare := [name for name in context if name not in names and name not in fields]:
        known = ", ".join(names) or "none"
        raise TemplateVariableError(f"no ${{{'}, ${'.join(spare)}}} in the template; its names: {known}", spare)
    rest = [name for name in names if name not in context]
    made = [name for name in rest if name not in OF_CALL]
    if missing := [name for name in made if not makes(name)]:
        raise TemplateVariableError(
            f"no value for {', '.join(missing)}; give them, as in generate_from_template(..., {missing[0]}=...)",
            missing,
        )
    return Names(dict(context), tuple(name for name in rest if name in OF_CALL), tuple(made))


def given_values(context: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Return the given values for each of `count` records.

    A list or an iterator gives one value to each record, a function is called with the number of the record, and any
    other value is the same for all.

    Raises:
        TypeError: a value is not JSON.
        TemplateVariableError: a list or an iterator has too few values.
    """
    columns = {name: _column(name, value, count) for name, value in context.items()}
    if short := [f"{name} ({len(column)})" for name, column in columns.items() if len(column) < count]:
        names = [name for name, column in columns.items() if len(column) < count]
        raise TemplateVariableError(f"fewer values than the {count} records: {', '.join(short)}", names)
    return [{name: column[index] for name, column in columns.items()} for index in range(count)]


def _column(name: str, value: Any, count: int) -> list[Any]:
    if isinstance(value, AbstractSet):
        raise TypeError(f"{name}: a set has no order; give sorted(...) or a list")
    if callable(value):
        return [json_copy(value(index), f"{name}({index})") for index in range(count)]
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return [json_copy(value, name)] * count
    items = islice(cast("Iterable[Any]", value), count)
    return [json_copy(item, f"{name}[{index}]") for index, item in enumerate(items)]


def call_values(names: Iterable[str], index: int, before: int) -> dict[str, Any]:
    """Return the values of a record that follow from the call.

    Args:
        names: of index, seq and worker.
        index: number of the record in this call, from 0.
        before: number of records of the template in the test or scope before the call.
    """
    known = {"index": index, "seq": before + index + 1, "worker": current_worker()}
    return {name: known[name] for name in names}
