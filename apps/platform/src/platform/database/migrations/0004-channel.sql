-- What was sent last, so that a new wish or a new session is sent at once and the same one ever more rarely.
ALTER TABLE device
  ADD COLUMN sent_revision bigint NOT NULL DEFAULT 0,
  ADD COLUMN sent_session bigint NOT NULL DEFAULT 0,
  ADD COLUMN send_count integer NOT NULL DEFAULT 0;
