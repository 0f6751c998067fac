-- A store as schema 1 left it: made by schema/registry-1.sql, filled by hand, dumped by the
-- sqlite3 shell. Never edited: what a release wrote stays as it was.
PRAGMA application_id = 1886154340;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, compacted INTEGER NOT NULL, cleared INTEGER NOT NULL, builtin_since INTEGER NOT NULL, base_digest TEXT NOT NULL, instance_id TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES(1,12,3,1,5,'8c7dd922ad47494fc02c388e12c00eac','7d5b0d0e-2f0a-4a0e-9d33-3a5f0f8b6a11',1700000000);
CREATE TABLE arch (name TEXT NOT NULL, task TEXT NOT NULL, doc TEXT NOT NULL, ordinal INTEGER NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (name, task)) STRICT;
INSERT INTO arch VALUES('LlamaForCausalLM','text_generation','{"name":"LlamaForCausalLM"}',2,12,1700000200);
INSERT INTO arch VALUES('OldForCausalLM','text_generation','{"name":"OldForCausalLM"}',1,6,1700000100);
CREATE TABLE tombstone (name TEXT NOT NULL, task TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (name, task)) STRICT;
INSERT INTO tombstone VALUES('BertModel','embeddings_generation',7);
CREATE TABLE handle (id TEXT PRIMARY KEY NOT NULL, kind INTEGER NOT NULL, state TEXT NOT NULL, arch TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL, commit_id TEXT NOT NULL, effective TEXT NOT NULL, members TEXT NOT NULL, detail TEXT NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
INSERT INTO handle VALUES('pl_1',0,'ready','LlamaForCausalLM','text_generation','org/m','0123456789012345678901234567890123456789','{"max_length":4096}','"encoding":"bfloat16"','{}',8,1700000150,300);
CREATE TABLE lease (id TEXT PRIMARY KEY NOT NULL, pipeline TEXT NOT NULL REFERENCES handle (id) ON DELETE CASCADE, holder TEXT NOT NULL, ttl_ms INTEGER NOT NULL, expires_wall_ms INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT;
INSERT INTO lease VALUES('ls_1','pl_1','web-3',60000,1700000210000,1700000150);
CREATE TABLE reply (key TEXT NOT NULL, principal TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (key, principal)) STRICT;
INSERT INTO reply VALUES('k1','local','f00d',201,'',x'7b7d',1700000150,1700086550);
CREATE TABLE event (revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, op TEXT NOT NULL, ref TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
INSERT INTO event VALUES(8,'pipeline','put','pl_1',1700000150000,'{}');
INSERT INTO event VALUES(12,'architecture','put','LlamaForCausalLM',1700000200000,'{}');
CREATE INDEX lease_pipeline ON lease (pipeline);
CREATE INDEX reply_expires ON reply (expires_at);
COMMIT;
