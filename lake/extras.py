"""The libraries that an export needs."""

from importlib import import_module

from ..eventlog.errors import LogUnavailableError

NEEDED = {"lake": ("deltalake", "pyarrow"), "parquet": ("pyarrow",)}
"""Modules by extra."""


def require_extra(extra: str, name: str) -> None:
    """Check that the libraries of an extra are installed.

    Args:
        extra: its name.
        name: what is to be written, for the message.

    Raises:
        LogUnavailableError: one is missing.
    """
    for module in NEEDED[extra]:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise LogUnavailableError(name, str(error), f"run: pip install 'pytest-insight[{extra}]'") from error
