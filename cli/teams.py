"""`insight teams`: the teams of a collector."""

from .collector_keys import teams_app as app

__all__ = ["app"]
