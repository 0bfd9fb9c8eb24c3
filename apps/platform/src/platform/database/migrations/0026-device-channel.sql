-- What the device channel keeps of each device: which desired state it shall have, was sent and has confirmed, and the
-- report that was applied last. Apart from `device`, whose wide rows stand in a dozen indexes: a rollout writes these four
-- times for each device, and that was half of PostgreSQL's work. Who changes a row here holds the lock of its device, but
-- for what stamps `sent_at`.
CREATE TABLE device_channel (
  account_id uuid NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  -- repeats the gateway of a claimed device, so that what is to be sent is found by gateway
  gateway_id uuid,
  revision bigint NOT NULL DEFAULT 0,
  reported_revision bigint NOT NULL DEFAULT 0,
  sent_at timestamptz,
  sent_revision bigint NOT NULL DEFAULT 0,
  sent_session bigint NOT NULL DEFAULT 0,
  send_count integer NOT NULL DEFAULT 0,
  report_session bigint NOT NULL DEFAULT 0,
  report_seq bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, device_id),
  FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, device_id) ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 60);
INSERT INTO device_channel
SELECT account_id, device_id, CASE WHEN state = 'CLAIMED' THEN gateway_id END, revision, reported_revision, sent_at, sent_revision,
  sent_session, send_count, report_session, report_seq
FROM device;
CREATE INDEX device_channel_to_send ON device_channel (gateway_id) WHERE revision <> reported_revision AND gateway_id IS NOT NULL;

DROP INDEX device_to_send;
ALTER TABLE device
  DROP COLUMN revision, DROP COLUMN reported_revision, DROP COLUMN sent_at, DROP COLUMN sent_revision,
  DROP COLUMN sent_session, DROP COLUMN send_count, DROP COLUMN report_session, DROP COLUMN report_seq;

CREATE FUNCTION add_device_channels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO device_channel (account_id, device_id, gateway_id)
  SELECT account_id, device_id, CASE WHEN state = 'CLAIMED' THEN gateway_id END FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER device_added AFTER INSERT ON device REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION add_device_channels();
CREATE FUNCTION move_device_channel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_channel SET gateway_id = CASE WHEN NEW.state = 'CLAIMED' THEN NEW.gateway_id END
  WHERE account_id = NEW.account_id AND device_id = NEW.device_id;
  RETURN NULL;
END $$;
CREATE TRIGGER device_moved AFTER UPDATE OF state, gateway_id ON device FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.gateway_id IS DISTINCT FROM NEW.gateway_id) EXECUTE FUNCTION move_device_channel();
