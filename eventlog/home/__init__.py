"""The folder of pytest-insight, and the names in it.

- `paths`: the home folder, and the paths of logs and read models.
- `profiles`: the file with the profiles.
- `project`: the name of the project that is tested.
"""
