"""Tables of the read model."""

SCHEMA_VERSION = "5"
"""Rises with each change below; a model of another version is rebuilt."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (number INTEGER PRIMARY KEY, name TEXT NOT NULL, position INTEGER NOT NULL, tail BLOB NOT NULL);
CREATE TABLE nodes (id INTEGER PRIMARY KEY, nodeid TEXT NOT NULL UNIQUE);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL UNIQUE,
    label TEXT,
    sut TEXT,
    commit_id TEXT NOT NULL,
    started_us INTEGER,
    status TEXT,
    tests INTEGER,
    missing INTEGER,
    verdicts TEXT NOT NULL,
    state BLOB NOT NULL,
    failed BLOB NOT NULL,
    rerun BLOB NOT NULL,
    flaky BLOB NOT NULL
);
CREATE INDEX sessions_by_time ON sessions (started_us);
CREATE INDEX sessions_by_sut ON sessions (sut, started_us);
CREATE INDEX sessions_by_commit ON sessions (commit_id) WHERE commit_id != '';
CREATE INDEX sessions_by_label ON sessions (label);
CREATE TABLE chunks (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    nodes BLOB NOT NULL,
    outcomes BLOB NOT NULL,
    durations BLOB NOT NULL,
    positions BLOB NOT NULL,
    attempts BLOB NOT NULL,
    workers BLOB NOT NULL,
    PRIMARY KEY (session, number)
);
CREATE TABLE changes (
    target TEXT NOT NULL,
    at TEXT NOT NULL,
    digest TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (target, at, digest, what)
) WITHOUT ROWID;
CREATE TABLE tombstones (stream TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (stream, digest)) WITHOUT ROWID;
CREATE TABLE findings (
    log TEXT NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
);
"""
