"""Session documents (JSON): files of the earlier plugin, and exports.

They belong to the log because a document may lie where a log is expected: the recorder converts it before it appends.

- `sessions`: one session document as events.
- `fields`: reading and checking the fields of a document.
- `convert`: reading a document as a log, and converting it in place.
"""
