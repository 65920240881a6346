"""The shapes in docs/json.md, generated from the shapes themselves.

`python docs/tools/json_reference.py docs/json.md` rewrites the part between the marks; a test holds it current.
"""

from collections.abc import Iterator
from typing import Any

from page_part import replace_part, update_page
from pytest_insight.cli.shapes.base import schema_of
from pytest_insight.cli.shapes.table import OUTPUTS


def renewed(page: str) -> str:
    """Return `page` with its shapes generated again."""
    return replace_part(page, "shapes", _reference())


def _reference() -> str:
    """Return a table of the commands, and one of the fields of each object."""
    objects: dict[str, dict[str, Any]] = {}
    lines = ["| command | prints |", "|---|---|"]
    for name, output in OUTPUTS.items():
        schema = schema_of(output.shape, name)
        objects.update(schema.get("$defs", {}))
        lines.append(
            f"| `{f'insight {name}'.strip()}` | {_type_text(schema)}{', one a line' if output.by_line else ''} |"
        )
    for name, definition in sorted(objects.items()):
        lines += ["", *_object(name, definition)]
    return "\n".join([*lines, ""])


def _object(name: str, definition: dict[str, Any]) -> Iterator[str]:
    yield from (
        f"#### {_render(name)}",
        "",
        definition.get("description", ""),
        "",
        "| field | type | |",
        "|---|---|---|",
    )
    required = set(definition.get("required", ()))
    for field, schema in definition["properties"].items():
        star = "" if field in required else "?"
        note = schema.get("description", "").replace("|", "\\|")
        yield f"| `{field}`{star} | {_type_text(schema)} | {'' if _is_time(schema) else note} |"


def _render(name: str) -> str:
    return name.removesuffix("Shape")


def _is_time(schema: dict[str, Any]) -> bool:
    return str(schema.get("description", "")).startswith("Time in UTC")


def _type_text(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - a table
    """Return a schema in a few words."""
    if "$ref" in schema:
        name = _render(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type_text, schema["anyOf"])))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "pattern" in schema:
        return "time or empty" if schema["pattern"].endswith("?$") else "time"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(map(_type_text, schema['prefixItems']))}]"
        case "array":
            return f"list of {_type_text(schema.get('items', {}))}"
        case "object":
            return f"object of {_type_text(schema.get('additionalProperties') or {})}"
        case "string":
            return "text"
        case str() as name:
            return name
        case _:
            return "any"


if __name__ == "__main__":
    update_page(renewed)
