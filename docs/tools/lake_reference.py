"""The list of tables in docs/lake.md, generated from the tables themselves.

`python docs/tools/lake_reference.py docs/lake.md` rewrites the part between the marks; a test holds it current.
"""

from page_part import replace_part, update_page
from pytest_insight.lake.schema import LAKE, PARQUET, LakeTable


def renewed(page: str) -> str:
    """Return `page` with its list of tables generated again."""
    lines = [line for table in (*LAKE, PARQUET[-1]) for line in _describe(table)]
    return replace_part(page, "tables", "\n".join(lines))


def _describe(table: LakeTable) -> list[str]:
    order = ", ".join(f"`{name}`" for name in table.sorted_by)
    only = " (only with `insight export --as parquet`)" if table is PARQUET[-1] else ""
    rows = [f"| `{column.name}` | {column.type} | {column.unit} | {column.meaning} |" for column in table.columns]
    head = [f"`{table.name}`: {table.meaning}, in order of {order}{only}", ""]
    return [*head, "| column | type | unit | meaning |", "|---|---|---|---|", *rows, ""]


if __name__ == "__main__":
    update_page(renewed)
