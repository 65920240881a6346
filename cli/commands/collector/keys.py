"""`insight keys`: the API keys of a collector."""

from .access import keys_app as app

__all__ = ["app"]
