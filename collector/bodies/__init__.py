"""Bodies of segments as objects of a bucket; the database keeps their rows.

- `attaching`: the bucket that belongs to an engine
- `cache`: bodies that are kept in memory
- `healing`: damaged bodies that a push makes good
- `moving`: all bodies from the database to a bucket, and back
- `names`: names of the objects
- `orphans`: objects that no row names
- `owning`: the database that a bucket belongs to
- `reading`: lines of segments, wherever their bodies are
- `removing`: deletion of objects, repeated until it is done
- `restoring`: the bucket of a restored database
- `store`: the bucket
- `upkeep`: the thread of a server that does what was put off
- `working`: work on objects that is noted in the database
- `writing`: objects before the rows that name them
"""
