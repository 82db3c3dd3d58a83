-- Conversations and their messages. Messages form a tree: editing a question or asking again adds a sibling.
-- `seq` gives siblings their order and is what the search index refers to; `id` is what everything else refers to.
CREATE TABLE conversation (
  id TEXT PRIMARY KEY NOT NULL CHECK (id <> ''),
  title TEXT NOT NULL,
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  settings TEXT NOT NULL CHECK (json_valid(settings)),
  current_message_id TEXT REFERENCES message (id) ON DELETE SET NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- Set when the person deletes it; the row goes when the product is next started.
  deleted_at INTEGER
) STRICT;
CREATE INDEX conversation_updated ON conversation (updated_at);

CREATE TABLE message (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL CHECK (id <> ''),
  conversation_id TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  parent_id TEXT CHECK (parent_id <> id),
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  text TEXT NOT NULL,
  reasoning TEXT,
  reasoning_ms REAL,
  status TEXT NOT NULL CHECK (status IN ('complete', 'streaming', 'interrupted', 'stopped', 'failed')),
  error TEXT,
  model_id TEXT,
  finish_reason TEXT,
  usage TEXT CHECK (json_valid(usage)),
  timings TEXT CHECK (json_valid(timings)),
  dropped_messages INTEGER NOT NULL DEFAULT 0 CHECK (dropped_messages >= 0),
  edited INTEGER NOT NULL DEFAULT 0 CHECK (edited IN (0, 1)),
  created_at INTEGER NOT NULL,
  UNIQUE (conversation_id, id),
  -- A parent is a message of the same conversation. No cascade along the tree: SQLite follows at most 1,000 levels,
  -- and a conversation may be longer; its messages go with the conversation.
  FOREIGN KEY (conversation_id, parent_id) REFERENCES message (conversation_id, id)
) STRICT;
CREATE INDEX message_parent ON message (conversation_id, parent_id);
CREATE INDEX message_streaming ON message (status) WHERE status = 'streaming';
CREATE INDEX conversation_current ON conversation (current_message_id);

CREATE TABLE attachment (
  message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  name TEXT NOT NULL CHECK (name <> ''),
  text TEXT NOT NULL,
  PRIMARY KEY (message_id, position)
) STRICT, WITHOUT ROWID;

-- Tokens of an answer with their probabilities: JSON, deflated.
CREATE TABLE message_tokens (
  message_id TEXT PRIMARY KEY NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  details BLOB NOT NULL
) STRICT;
