"""`insight keys`: the API keys of a collector."""

from .collector_keys import keys_app as app

__all__ = ["app"]
