-- Open rollouts of an account are counted when one is made.
CREATE INDEX rollout_open_account ON rollout (account_id) WHERE is_open;

-- What the giver's people could see of the device when it was offered: the device is gone from there once it is accepted.
ALTER TABLE device_transfer ADD COLUMN from_project_ids uuid[] NOT NULL DEFAULT '{}';
UPDATE device_transfer t SET from_project_ids = d.project_ids
  FROM device d WHERE d.account_id = t.from_account_id AND d.device_id = t.device_id;
CREATE INDEX device_transfer_between ON device_transfer (from_account_id, to_account_id) WHERE state = 'OFFERED';

-- Access tokens name the number of the secret that fetched them: a new secret ends them at once.
ALTER TABLE technical_user ADD COLUMN secret_number integer NOT NULL DEFAULT 0;
