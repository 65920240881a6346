"""Start and end of a recorded run.

- `boundary`: errors of the recorder, which become one line and never change the run
- `early`: a session for a run that ends before the recorder starts
- `ending`: exit status of the run, and steps that do not stop each other
- `nesting`: detection of a pytest run that another run started
- `start`: opening of the log and registration of the hooks
- `target`: log that a run is recorded into
"""
