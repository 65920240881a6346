"""The feed of a team: its segments in one order that every reader sees.

- `comparing_streams`: how much of some streams is stored
- `cursors`: texts of positions
- `exporting`: the whole log of a team in canonical order
- `reading`: pages of the feed
- `resuming`: cursors that notice a database from the past
- `sequencer`: positions for committed segments
- `waiting`: waits until the feed reaches a position
"""
