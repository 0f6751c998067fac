-- registry.db, version 1. Steps are never edited once released: a store is
-- brought up to date by running those it has not seen. See docs/store-format.md.

CREATE TABLE meta (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    revision      INTEGER NOT NULL,
    compacted     INTEGER NOT NULL,
    cleared       INTEGER NOT NULL,
    builtin_since INTEGER NOT NULL,
    base_digest   TEXT NOT NULL,
    instance_id   TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE arch (
    name       TEXT NOT NULL,
    task       TEXT NOT NULL,
    doc        TEXT NOT NULL,
    ordinal    INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, task)
) STRICT;

CREATE TABLE tombstone (
    name     TEXT NOT NULL,
    task     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (name, task)
) STRICT;

CREATE TABLE handle (
    id         TEXT PRIMARY KEY NOT NULL,
    kind       INTEGER NOT NULL,
    state      TEXT NOT NULL,
    arch       TEXT NOT NULL,
    task       TEXT NOT NULL,
    model      TEXT NOT NULL,
    commit_id  TEXT NOT NULL,
    effective  TEXT NOT NULL,
    members    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    bytes      INTEGER NOT NULL
) STRICT;

CREATE TABLE lease (
    id              TEXT PRIMARY KEY NOT NULL,
    pipeline        TEXT NOT NULL REFERENCES handle (id) ON DELETE CASCADE,
    holder          TEXT NOT NULL,
    ttl_ms          INTEGER NOT NULL,
    expires_wall_ms INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX lease_pipeline ON lease (pipeline);

CREATE TABLE reply (
    key         TEXT NOT NULL,
    principal   TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (key, principal)
) STRICT;
CREATE INDEX reply_expires ON reply (expires_at);

CREATE TABLE event (
    revision INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    op       TEXT NOT NULL,
    ref      TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;
