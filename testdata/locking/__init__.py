"""Namespaces, locks and conflicts; `testdata.isolation` combines them.

- `conflicts`: refused writes and their resolution
- `lease`: a lock held by this process
- `locks`: named locks with fencing tokens
- `namespaces`: namespaces and isolated contexts
"""
