"""Merging logs: the union of their events in one canonical order.

- `merger`: a merge of several logs, its report and its output.
- `union`: reading the streams of several files, each event once.
- `conflicts`: sessions with the same label, and the strategies for them.
- `segments`: index of the events of each stream in several files.
- `indexing`: building that index, on two processes for large inputs.
- `temporary`: the union of several logs in a temporary file.
- `staging`: compressed inputs as plain files, within limits.
"""
