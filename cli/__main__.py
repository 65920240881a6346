"""`python -m pytest_insight.cli` is `insight`."""

from .app import main

main()
