-- What a model was read to be now says whether it is an encoder and whether its template has a switch for thinking aloud.
-- The template of a model imported before is not at hand here: the switch stays where it was, with every model that chats.
UPDATE model SET metadata = json_set(metadata,
  '$.encoder', json(iif(json_extract(metadata, '$.architecture') IN ('bert', 'roberta', 'xlm-roberta'), 'true', 'false')),
  '$.thinking', json(iif(json_extract(metadata, '$.chat'), 'true', 'false')));
