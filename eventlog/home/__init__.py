"""The folder of pytest-insight, and the names in it.

- `paths`: the home folder, and the paths of logs and read models.
- `profiles`: the file with the profiles.
- `push_state`: how far the process is that sends a session to a collector.
- `project`: the name of the project that is tested.
"""
