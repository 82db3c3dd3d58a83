-- What an answer from documents rests on: passages as they were, citations, what the cache did. JSON; null without documents.
ALTER TABLE message ADD COLUMN sources TEXT;
