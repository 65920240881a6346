"""`python -m pytest_insight.cli` is `insight`."""

from .main import main

main()
