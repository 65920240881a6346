"""The list of documented tables in docs/collector.md, generated from the tables themselves.

`python docs/tools/collector_reference.py docs/collector.md` rewrites the part between the marks; a test holds it
current.
"""

from page_part import replace_part, update_page
from pytest_insight.collector.database.documented import DOCUMENTED


def renew_page(page: str) -> str:
    """Return `page` with its list of tables generated again."""
    return replace_part(page, "tables", _list_tables())


def _list_tables() -> str:
    lines: list[str] = []
    for name, table in DOCUMENTED.items():
        lines += [f"`insight.{name}`: {table.meaning}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    update_page(renew_page)
