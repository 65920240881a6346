"""Namespaces, locks and conflicts.

- `lease`: a lock held by this process
- `locks`: namespaces, locks and conflicts of a store
"""
