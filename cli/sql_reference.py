"""The list of tables in docs/sql.md, generated from the tables themselves.

`python -m pytest_insight.cli.sql_reference docs/sql.md` rewrites the part between the marks; a test holds it current.
"""

import sys
from pathlib import Path

from ..core.tables import TABLES

BEGIN = "<!-- tables:"
END = "<!-- /tables -->"


def renewed(page: str) -> str:
    """Return `page` with the part between the marks generated again."""
    head, mark, rest = page.partition(BEGIN)
    comment, _, rest = rest.partition("\n")
    return f"{head}{mark}{comment}\n\n{_tables()}\n{END}{rest.partition(END)[2]}"


def _tables() -> str:
    lines: list[str] = []
    for table in TABLES.values():
        lines += [f"`{table.name}`: {table.meaning}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
