-- What of an indexed document could not be read.
ALTER TABLE document ADD COLUMN warning TEXT CHECK (warning <> '');
