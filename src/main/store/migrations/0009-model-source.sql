-- The library id that last gave a model of that key: queries are embedded by it while another model is being prepared.
ALTER TABLE embedding_model ADD COLUMN library_id TEXT;
