-- The history of long jobs. `kind` is open: every later kind of job lives here too.
CREATE TABLE run (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL CHECK (id <> ''),
  kind TEXT NOT NULL CHECK (kind <> ''),
  title TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
  done REAL NOT NULL DEFAULT 0 CHECK (done >= 0),
  total REAL CHECK (total >= 0),
  unit TEXT NOT NULL,
  parameters TEXT NOT NULL CHECK (json_valid(parameters)),
  result TEXT CHECK (json_valid(result)),
  error TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  CHECK ((state = 'running') = (ended_at IS NULL))
) STRICT;
CREATE INDEX run_running ON run (state) WHERE state = 'running';
