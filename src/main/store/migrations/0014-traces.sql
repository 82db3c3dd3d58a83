-- What each call did: a trace, its spans, and what went in and came out. Columns of `trace` are what lists show and filter by;
-- all else of a call is in its spans' attributes. `seq` gives traces and ended spans the order in which they were written.
CREATE TABLE trace (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL CHECK (length(id) = 32),
  kind TEXT NOT NULL CHECK (kind <> ''),
  model TEXT,
  -- Milliseconds of the epoch, with fractions.
  started_at REAL NOT NULL,
  duration_ms REAL CHECK (duration_ms >= 0),
  ttft_ms REAL,
  state TEXT NOT NULL CHECK (state IN ('running', 'ok', 'error', 'cancelled', 'interrupted')),
  error TEXT,
  finish_reason TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cache TEXT CHECK (cache IN ('off', 'miss', 'exact', 'similar')),
  conversation_id TEXT,
  message_id TEXT,
  replay_of TEXT,
  rating INTEGER CHECK (rating IN (-1, 1)),
  comment TEXT,
  preview TEXT NOT NULL DEFAULT '',
  size_bytes INTEGER NOT NULL DEFAULT 0,
  CHECK ((state = 'running') = (duration_ms IS NULL))
) STRICT;
CREATE INDEX trace_started ON trace (started_at);
CREATE INDEX trace_kind ON trace (kind);
CREATE INDEX trace_model ON trace (model);
CREATE INDEX trace_duration ON trace (duration_ms);
CREATE INDEX trace_size ON trace (size_bytes);
CREATE INDEX trace_state ON trace (state) WHERE state <> 'ok';
CREATE INDEX trace_cache_hit ON trace (cache) WHERE cache IN ('exact', 'similar');
CREATE INDEX trace_conversation ON trace (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX trace_rated ON trace (rating) WHERE rating IS NOT NULL;

CREATE TABLE span (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  trace_seq INTEGER NOT NULL REFERENCES trace (seq) ON DELETE CASCADE,
  id TEXT NOT NULL CHECK (length(id) = 16),
  parent_id TEXT,
  name TEXT NOT NULL,
  started_at REAL NOT NULL,
  duration_ms REAL NOT NULL CHECK (duration_ms >= 0),
  state TEXT NOT NULL CHECK (state IN ('ok', 'error', 'cancelled', 'interrupted')),
  error TEXT,
  attributes TEXT NOT NULL CHECK (json_valid(attributes)),
  UNIQUE (trace_seq, id)
) STRICT;

-- Apart, so that lists do not read past the texts.
CREATE TABLE trace_content (
  trace_seq INTEGER PRIMARY KEY REFERENCES trace (seq) ON DELETE CASCADE,
  input TEXT CHECK (json_valid(input)),
  output TEXT CHECK (json_valid(output))
) STRICT;

-- The distinct windows of one, two and three characters of a trace's words: the program makes them, for Korean as for
-- English. SQLite's own trigrams are blind to words of two syllables. Without positions: what holds all windows of a longer
-- word is looked into.
CREATE VIRTUAL TABLE trace_search USING fts5(grams, content='', detail=none, columnsize=0, tokenize='ascii');

-- How far each collector has got, so that a restart neither skips nor repeats.
CREATE TABLE trace_export (
  endpoint TEXT PRIMARY KEY NOT NULL CHECK (endpoint <> ''),
  span_seq INTEGER NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
