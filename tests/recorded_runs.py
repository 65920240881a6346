"""Runs of small suites that are recorded as sessions of the system `shop`, into a home beside the suite."""

import sys
from pathlib import Path

import pytest


def enter_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has a home of its own, and return it."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    return folder


def recording_command(*words: str) -> list[str]:
    """Return the words that run and record the suite of the folder."""
    options = ["-q", "-p", "no:cacheprovider", "--insight", "--insight-sut=shop"]
    return [sys.executable, "-m", "pytest", *options, *words]
