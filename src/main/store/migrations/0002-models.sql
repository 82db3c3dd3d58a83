-- The model library. Weights stay files; the database holds where they are, their hashes and what was read from them.
CREATE TABLE model (
  id TEXT PRIMARY KEY NOT NULL CHECK (id <> ''),
  name TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('bundled', 'imported', 'downloaded')),
  path TEXT UNIQUE NOT NULL CHECK (path <> ''),
  format TEXT NOT NULL CHECK (format IN ('gguf', 'safetensors')),
  metadata TEXT NOT NULL CHECK (json_valid(metadata)),
  added_at INTEGER NOT NULL
) STRICT;

CREATE TABLE model_file (
  model_id TEXT NOT NULL REFERENCES model (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  path TEXT NOT NULL CHECK (path <> ''),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  mtime_ms REAL NOT NULL,
  sha256 TEXT CHECK (length(sha256) = 64),
  PRIMARY KEY (model_id, position)
) STRICT, WITHOUT ROWID;
