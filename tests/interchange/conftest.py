"""A log that reports are imported into."""

import pytest
from foreign_imports import Imports


@pytest.fixture
def imports():
    """A log in memory."""
    return Imports()


@pytest.fixture
def imports_into():
    """Make a log on disk."""
    return Imports
