"""The files that an import is about: found in folders and archives, within limits.

- `limits`: limits of archives and of the files in them.
- `members`: the files of a path, unpacked.
- `archives`: the files of a zip or tar archive.
- `naming`: facts in the paths of files: dates, commits, and which files are one test run.
"""
