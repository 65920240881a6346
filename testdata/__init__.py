"""Test data on a log of its own; names are imported from the modules."""
