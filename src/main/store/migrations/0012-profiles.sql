-- What a device was seen to do at best, kept for adapter and driver until measured anew.
CREATE TABLE ceiling (
  adapter TEXT NOT NULL,
  driver TEXT NOT NULL,
  name TEXT NOT NULL CHECK (name <> ''),
  value REAL NOT NULL CHECK (value > 0),
  unit TEXT NOT NULL,
  spread REAL NOT NULL CHECK (spread >= 0),
  measured_at INTEGER NOT NULL,
  PRIMARY KEY (adapter, driver, name)
) STRICT, WITHOUT ROWID;

-- The whole of a profile beside its row in the run history, which holds its figures alone.
CREATE TABLE profile (
  run_id TEXT PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE,
  report TEXT NOT NULL CHECK (json_valid(report)),
  -- JSON, deflated: tens of thousands of events.
  timeline BLOB NOT NULL
) STRICT;
