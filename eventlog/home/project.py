"""The name that a project gives itself in its packaging files."""

from pathlib import Path
from typing import Any


def project_name(folder: Path) -> str:
    """Return the name in pyproject.toml (`project`, else `tool.poetry`) or setup.cfg; "" if they have none."""
    return _of_pyproject(folder / "pyproject.toml") or _of_setup(folder / "setup.cfg")


def _of_pyproject(file: Path) -> str:
    if not file.is_file():
        return ""
    import tomllib  # noqa: PLC0415 - only where there is such a file

    try:
        project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ""
    tool: Any = project.get("tool", {})
    tables: tuple[Any, ...] = (project.get("project"), tool.get("poetry") if isinstance(tool, dict) else None)  # type: ignore[misc]
    for table in tables:
        if isinstance(table, dict) and isinstance(table.get("name"), str) and table["name"]:  # type: ignore[misc]
            return str(table["name"])  # type: ignore[misc]
    return ""


def _of_setup(file: Path) -> str:
    if not file.is_file():
        return ""
    import configparser  # noqa: PLC0415 - only where there is such a file

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return ""
    return parser.get("metadata", "name", fallback="").strip()
