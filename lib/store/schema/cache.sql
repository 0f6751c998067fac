-- cache.db. A file of another version is deleted, so this is edited in place
-- and CACHE_SCHEMA counted up. See docs/store-format.md.

CREATE TABLE pin (
    model      TEXT NOT NULL,
    revision   TEXT NOT NULL,
    credential TEXT NOT NULL,
    commit_id  TEXT NOT NULL,
    canonical  TEXT NOT NULL,
    info       BLOB NOT NULL,
    pinned_at  INTEGER NOT NULL,
    PRIMARY KEY (model, revision, credential)
) STRICT;

CREATE TABLE file (
    model      TEXT NOT NULL,
    commit_id  TEXT NOT NULL,
    path       TEXT NOT NULL,
    credential TEXT NOT NULL,
    etag       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    blob_path  TEXT,
    last_used  INTEGER NOT NULL,
    -- What it takes on disk: content here, or the blob it points to.
    bytes      INTEGER NOT NULL,
    -- Last: what comes behind it is reached over all of its pages.
    content    BLOB,
    PRIMARY KEY (model, commit_id, path, credential)
) STRICT;
CREATE INDEX file_last_used ON file (last_used);
CREATE INDEX file_blob ON file (blob_path) WHERE blob_path IS NOT NULL;
