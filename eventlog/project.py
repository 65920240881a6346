"""The name that a project gives itself in its packaging files."""

import configparser
import tomllib
from pathlib import Path
from typing import Any


def project_name(folder: Path) -> str:
    """Return the name in pyproject.toml (`project`, else `tool.poetry`) or setup.cfg; empty if there is none."""
    try:
        project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        project = {}
    tool: Any = project.get("tool", {})
    tables: tuple[Any, ...] = (project.get("project"), tool.get("poetry") if isinstance(tool, dict) else None)  # type: ignore[misc]
    for table in tables:
        if isinstance(table, dict) and isinstance(table.get("name"), str) and table["name"]:  # type: ignore[misc]
            return str(table["name"])  # type: ignore[misc]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return ""
    return parser.get("metadata", "name", fallback="").strip()
