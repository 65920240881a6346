"""A flight recorder and a memory for pytest; names are imported from the packages below."""

__version__ = "0.1.0"
