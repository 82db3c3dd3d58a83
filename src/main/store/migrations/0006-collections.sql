-- Collections of documents. `seq` is what rows refer to inside the database and never comes back after a deletion;
-- `id` is what everything else refers to. A chunk's `seq` is its id.
CREATE TABLE embedding_model (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Names weights and recipe: vectors of one key are comparable, of two keys they are not.
  key TEXT NOT NULL CHECK (key <> ''),
  type TEXT NOT NULL CHECK (type IN ('f32', 'int8')),
  dim INTEGER NOT NULL CHECK (dim > 0),
  UNIQUE (key, type)
) STRICT;

CREATE TABLE collection (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL CHECK (id <> ''),
  name TEXT UNIQUE NOT NULL CHECK (name <> ''),
  settings TEXT NOT NULL CHECK (json_valid(settings)),
  roots TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(roots)),
  -- Rises with every change of what can be found.
  version INTEGER NOT NULL DEFAULT 0,
  -- What answers now, and what is being prepared beside it.
  model_seq INTEGER REFERENCES embedding_model (seq),
  next_model_seq INTEGER REFERENCES embedding_model (seq),
  analyser TEXT NOT NULL CHECK (analyser <> ''),
  next_analyser TEXT CHECK (next_analyser <> ''),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL CHECK (id <> ''),
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  path TEXT NOT NULL CHECK (path <> ''),
  title TEXT NOT NULL,
  type TEXT NOT NULL,
  language TEXT NOT NULL CHECK (language IN ('ko', 'en', 'other')),
  content_hash TEXT,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  changed_at REAL NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('indexed', 'pending', 'failed')),
  reason TEXT,
  indexed_at INTEGER,
  UNIQUE (collection_seq, path),
  CHECK ((state = 'failed') = (reason IS NOT NULL))
) STRICT;

-- Apart, so that lists of documents do not read past the texts.
CREATE TABLE document_text (
  document_seq INTEGER PRIMARY KEY REFERENCES document (seq) ON DELETE CASCADE,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE chunk (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  -- UTF-16 units of the document's text.
  start_offset INTEGER NOT NULL CHECK (start_offset >= 0),
  end_offset INTEGER NOT NULL CHECK (end_offset >= start_offset),
  page INTEGER,
  headings TEXT NOT NULL CHECK (json_valid(headings)),
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  language TEXT NOT NULL CHECK (language IN ('ko', 'en', 'other')),
  text TEXT NOT NULL,
  UNIQUE (document_seq, position)
) STRICT;
CREATE INDEX chunk_collection ON chunk (collection_seq, language);
