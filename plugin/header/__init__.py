"""Header of a session: `session.started`.

- `builder`: the event
- `git`: commit, branch, remote and changes of the checkout
- `metadata`: system under test, CI, testing system, variant
- `places`: places that the run was told to take its tests from
"""
