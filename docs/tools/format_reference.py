"""The table of event types in docs/format.md, made from the types themselves.

`python docs/tools/format_reference.py docs/format.md` rewrites the part between the marks, and a test
holds that it is current.
"""

import ast
import inspect
from typing import Any

import msgspec
from page_part import replace_part, update_page
from pytest_insight.eventlog import events
from pytest_insight.eventlog.events import SESSION_EVENTS


def event_table() -> str:
    """Return the Markdown text for all event types of a session."""
    notes = _field_notes()
    structs: list[type[msgspec.Struct]] = [*SESSION_EVENTS, events.Vcs, events.Cause, events.Truncation]
    return "\n".join(_section(cls, notes) for cls in structs)


def renewed(page: str) -> str:
    """Return `page` with its table of event types generated again."""
    return replace_part(page, "events", event_table())


def _section(cls: type[msgspec.Struct], notes: dict[tuple[str, str], str]) -> str:
    tag = cls.__struct_config__.tag
    title = f"`{tag}`" if tag else f"`{cls.__name__}`, an object within events"
    lines = [f"#### {title}", "", _one_line(inspect.getdoc(cls) or ""), "", "| field | type | |", "|---|---|---|"]
    for field in msgspec.structs.fields(cls):
        star = "*" if field.required else ""
        note = notes.get((cls.__name__, field.name), "")
        lines.append(f"| `{field.name}`{star} | {_type_text(cls, field.name)} | {note} |")
    return "\n".join([*lines, ""])


def _type_text(cls: type[msgspec.Struct], name: str) -> str:
    annotation: Any = cls.__annotations__[name]
    text = annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", annotation))
    if getattr(annotation, "__args__", None):
        text = str(annotation)
    text = text.replace("typing.", "").replace(f"{events.__name__}.", "").replace("NoneType", "null")
    text = text.replace(str(events.Outcome).replace("typing.", ""), "outcome")
    return text.replace("|", "or").replace("None", "null")


def _field_notes() -> dict[tuple[str, str], str]:
    """The strings below fields, which Python itself does not keep."""
    notes: dict[tuple[str, str], str] = {}
    for cls in ast.parse(inspect.getsource(events)).body:
        if not isinstance(cls, ast.ClassDef):
            continue
        for before, after in zip(cls.body, cls.body[1:], strict=False):
            match before, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    notes[cls.name, name] = _one_line(text)
                case _:
                    continue
    return notes


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    update_page(renewed)
