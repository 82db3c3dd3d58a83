-- What finds chunks: the terms of each, for BM25, and its vector in each embedding model. Both are kept by chunk, so that
-- they come and go with it in one transaction; the search inverts the terms in memory. Rows get a new `seq` whenever they
-- are written, which is how an index in memory learns what is new.
CREATE TABLE term (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  text TEXT NOT NULL,
  UNIQUE (collection_seq, text)
) STRICT;

CREATE TABLE chunk_terms (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  chunk_seq INTEGER NOT NULL REFERENCES chunk (seq) ON DELETE CASCADE,
  analyser TEXT NOT NULL CHECK (analyser <> ''),
  -- Terms in all, repetitions counted.
  length INTEGER NOT NULL CHECK (length >= 0),
  -- LEB128: the difference to the term before (ascending term.seq), then how often it occurs.
  postings BLOB NOT NULL,
  UNIQUE (chunk_seq, analyser)
) STRICT;
CREATE INDEX chunk_terms_collection ON chunk_terms (collection_seq, analyser);

CREATE TABLE vector (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  chunk_seq INTEGER NOT NULL REFERENCES chunk (seq) ON DELETE CASCADE,
  model_seq INTEGER NOT NULL REFERENCES embedding_model (seq),
  -- int8 vectors times this are the floats; 1 for f32 vectors.
  scale REAL NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (chunk_seq, model_seq)
) STRICT;
CREATE INDEX vector_collection ON vector (collection_seq, model_seq);

-- The HNSW graph of a collection's vectors is a file; this row says which, and what it finds. Without it there is none.
CREATE TABLE vector_graph (
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  model_seq INTEGER NOT NULL REFERENCES embedding_model (seq),
  file TEXT NOT NULL CHECK (file <> ''),
  vectors INTEGER NOT NULL CHECK (vectors >= 0),
  recall_at_10 REAL NOT NULL CHECK (recall_at_10 BETWEEN 0 AND 1),
  PRIMARY KEY (collection_seq, model_seq)
) STRICT, WITHOUT ROWID;

-- How well a model tells the collection's own passages apart, by language.
CREATE TABLE separation (
  collection_seq INTEGER NOT NULL REFERENCES collection (seq) ON DELETE CASCADE,
  model_seq INTEGER NOT NULL REFERENCES embedding_model (seq),
  language TEXT NOT NULL CHECK (language IN ('ko', 'en', 'other')),
  passages INTEGER NOT NULL CHECK (passages >= 0),
  hit_at_1 REAL NOT NULL CHECK (hit_at_1 BETWEEN 0 AND 1),
  dense_weight REAL NOT NULL CHECK (dense_weight BETWEEN 0 AND 1),
  warning TEXT,
  PRIMARY KEY (collection_seq, model_seq, language)
) STRICT, WITHOUT ROWID;
