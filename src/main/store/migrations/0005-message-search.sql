-- Full-text search over message texts by three-character windows, which needs no word borders and so serves Korean as
-- well as English. An answer enters the index when it is no longer being written: re-indexing it twice a second would
-- cost more than the writing.
CREATE VIRTUAL TABLE message_search USING fts5(text, content='message', content_rowid='seq', tokenize='trigram');

CREATE TRIGGER message_search_insert AFTER INSERT ON message WHEN new.status <> 'streaming' BEGIN
  INSERT INTO message_search (rowid, text) VALUES (new.seq, new.text);
END;
-- One trigger for both halves: the order of two triggers on one event is not defined.
CREATE TRIGGER message_search_update AFTER UPDATE OF text, status ON message BEGIN
  INSERT INTO message_search (message_search, rowid, text)
    SELECT 'delete', old.seq, old.text WHERE old.status <> 'streaming';
  INSERT INTO message_search (rowid, text) SELECT new.seq, new.text WHERE new.status <> 'streaming';
END;
CREATE TRIGGER message_search_delete AFTER DELETE ON message WHEN old.status <> 'streaming' BEGIN
  INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', old.seq, old.text);
END;

INSERT INTO message_search (rowid, text) SELECT seq, text FROM message WHERE status <> 'streaming';
