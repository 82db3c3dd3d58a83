-- Answers that were given, for the same or nearly the same question. `key` names all that an answer depends on; `context_key`
-- the same without the question. Entries are whole or not there, and any of them may go at any time.
CREATE TABLE cached_answer (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT UNIQUE NOT NULL CHECK (key <> ''),
  context_key TEXT NOT NULL CHECK (context_key <> ''),
  question TEXT NOT NULL,
  -- The question's embedding, f32 little-endian of unit length, and the model it is of; null: found by `key` alone.
  embedding_key TEXT,
  embedding BLOB,
  -- Ids of the collections it was answered from.
  collections TEXT NOT NULL CHECK (json_valid(collections)),
  answer TEXT NOT NULL CHECK (json_valid(answer)),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  -- What answering took, which a hit saves.
  elapsed_ms REAL NOT NULL CHECK (elapsed_ms >= 0),
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  CHECK ((embedding_key IS NULL) = (embedding IS NULL))
) STRICT;
CREATE INDEX cached_answer_context ON cached_answer (context_key, embedding_key);
CREATE INDEX cached_answer_used ON cached_answer (used_at);

CREATE TABLE cache_count (
  name TEXT PRIMARY KEY CHECK (name IN ('exact_hits', 'similar_hits', 'misses', 'saved_ms')),
  value REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO cache_count (name) VALUES ('exact_hits'), ('similar_hits'), ('misses'), ('saved_ms');
