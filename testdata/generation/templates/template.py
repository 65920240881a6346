"""Templates: JSON with `${name}` in its strings.

- `${name}` is replaced by a value; a string that is only `${name}` becomes the value itself, with its type.
- `$${` is the text `${`; every other `$` is unchanged.
- In a longer string and in a key, a value that is not a string is written as JSON: `true`, `null`, `1.5`, `[1,2]`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from ..errors import TemplateSyntaxError
from ..jsonvalues import encode, json_copy
from ..seeds import digest_of

ARGUMENTS = frozenset({"template_id", "count"})
"""Names of arguments of `generate_from_template`, which therefore cannot be variables."""

_TOKEN = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_]\w*)\})?", re.ASCII)
_WHOLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_ID_DIGITS = 12
_BYTES_MAX = 192 * 1024
"""Maximum size of a definition, which is one line of the log."""


@dataclass(frozen=True, kw_only=True)
class DataTemplate:
    """One version of a template; created by `DataTemplate.define`."""

    id: str
    """`template_` and 12 hex digits of the SHA-256 of name, entity type and content."""
    name: str
    entity_type: str
    data: Any
    """The content: JSON."""

    @classmethod
    def define(cls, name: str, data: Any, entity_type: str) -> "DataTemplate":
        """Return a checked definition with its id; the same definition has the same id everywhere.

        Raises:
            TypeError: `data` is not JSON.
            TemplateSyntaxError: a `${` is not followed by a name, or the name is reserved.
        """
        for what, text in (("template_name", name), ("entity_type", entity_type)):
            if not text or json_copy(text, what) != text:
                raise TemplateSyntaxError(f"{what}: empty; a template needs one")
        content = json_copy(data, "template_data")
        check_syntax(content, "template_data")
        text = encode(content).decode()
        if (size := len(text.encode())) > _BYTES_MAX:
            raise TemplateSyntaxError(f"template_data: {size} bytes of JSON, at most {_BYTES_MAX}; split the template")
        digits = digest_of("template", name, entity_type, text).hex()[:_ID_DIGITS]
        return cls(id=f"template_{digits}", name=name, entity_type=entity_type, data=content)

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names in the content, each once, in order of appearance."""
        return tuple(dict.fromkeys(variables_of(self.data)))

    def render(self, values: Mapping[str, Any]) -> Any:
        """Return the content with `values` for its names.

        Args:
            values: one for each of `variables`; JSON.

        Raises:
            TemplateSyntaxError: two keys of one object became equal.
        """
        return render(self.data, values)


def escape(text: str) -> str:
    """Return the template text for a literal `text`."""
    return text.replace("${", "$${")


def strings_of(data: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every string in JSON data, keys included, with its path."""
    if isinstance(data, str):
        yield data, path
    elif isinstance(data, dict):
        for key, item in cast("dict[str, Any]", data).items():
            yield key, f"{path} (key)"
            yield from strings_of(item, f"{path}.{key}")
    elif isinstance(data, list):
        for index, item in enumerate(cast("list[Any]", data)):
            yield from strings_of(item, f"{path}[{index}]")


def check_syntax(data: Any, path: str) -> None:
    """Raise a TemplateSyntaxError for the first invalid string."""
    for text, where in strings_of(data, path):
        for match in _TOKEN.finditer(text):
            if match[0] == "${":
                found = text[match.start() : match.start() + 20]
                raise TemplateSyntaxError(f"{where}: {found!r} is not a ${{name}}; write $${{ for the text itself")
            if match[1] in ARGUMENTS:
                raise TemplateSyntaxError(
                    f"{where}: ${{{match[1]}}} is an argument of generate_from_template; choose another name"
                )


def variables_of(data: Any) -> Iterator[str]:
    """Yield the names in JSON data, with repetitions."""
    for text, _ in strings_of(data, ""):
        yield from (match[1] for match in _TOKEN.finditer(text) if match[1])


def render(data: Any, values: Mapping[str, Any]) -> Any:
    """Return a copy of JSON data with `values` for its names."""
    if isinstance(data, str):
        return _render_string(data, values)
    if isinstance(data, list):
        return [render(item, values) for item in cast("list[Any]", data)]
    if isinstance(data, dict):
        return _render_object(cast("dict[str, Any]", data), values)
    return data


def _render_string(text: str, values: Mapping[str, Any]) -> Any:
    if whole := _WHOLE.fullmatch(text):
        return json_copy(values[whole[1]], f"${{{whole[1]}}}")
    return fill(text, lambda name: as_text(values[name]))


def fill(text: str, value: Callable[[str], str]) -> str:
    """Return `text` with `value(name)` for each of its names, and `${` for `$${`."""
    return _TOKEN.sub(lambda match: value(match[1]) if match[1] else "${", text)


def as_text(value: Any) -> str:
    """Return a value as text within a longer string."""
    return value if isinstance(value, str) else encode(value).decode()


def _render_object(data: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    rendered: dict[str, Any] = {}
    for key, item in data.items():
        name = fill(key, lambda variable: as_text(values[variable]))
        if name in rendered:
            raise TemplateSyntaxError(f"two keys became {name!r}, one of them {key!r}; make their values differ")
        rendered[name] = render(item, values)
    return rendered
