"""The documented Python API; names are imported from the modules."""
