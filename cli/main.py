"""The entry point under its earlier name, which the `insight` scripts of editable installs still import."""

from .app import main

__all__ = ["main"]
