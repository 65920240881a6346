"""`insight teams`: the teams of a collector."""

from .access import teams_app as app

__all__ = ["app"]
