"""The view classes of the Python API; public through `core.models`.

- `groups`: sessions of several systems under test.
- `outcome`: outcomes of a test, as the Python API names them.
- `output`: blocks of pytest's terminal output.
- `rerun`: all attempts of a test that was run again within a session.
- `result`: one attempt of a test.
- `results`: collections of results, under the names of the earlier plugin.
- `session`: one session, with results that are read from the log when they are asked for.
- `stored`: whole sessions out of the read model and the log: captured texts are read when they are asked for.
- `times`: times and durations of the view classes: aware, UTC; seconds.
"""
