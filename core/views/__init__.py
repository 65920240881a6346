"""The view classes of the Python API; public through `core.models`.

- `files`: the newest session of a file: an event log, or sessions that were exported as JSON.
- `groups`: sessions of several systems under test.
- `lazy`: results of a session that are read when one of them is first asked for.
- `outcome`: outcomes of a test, as the Python API names them.
- `output`: blocks of pytest's terminal output.
- `rerun`: all attempts of a test that was run again within a session.
- `result`: one attempt of a test.
- `results`: collections of results, under the names of the earlier plugin.
- `session`: one session, with results that are read from the log when they are asked for.
- `stored`: results and output of stored sessions, from the read model and the log.
- `times`: times and durations of the view classes: aware, UTC; seconds.
- `whole`: sessions of a few lines that no store has.
"""
