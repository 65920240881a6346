"""The list of tables in docs/sql.md, generated from the tables themselves.

`python docs/tools/sql_reference.py docs/sql.md` rewrites the part between the marks; a test holds it current.
"""

from page_part import replace_part, update_page
from pytest_insight.core.history.tables import TABLES


def renewed(page: str) -> str:
    """Return `page` with its list of tables generated again."""
    return replace_part(page, "tables", _tables())


def _tables() -> str:
    lines: list[str] = []
    for table in TABLES.values():
        lines += [f"`{table.name}`: {table.meaning}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    update_page(renewed)
