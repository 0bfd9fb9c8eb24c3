-- How a device's driver gets an older version of an app over a newer one; null: its gateway has not said.
ALTER TABLE device ADD COLUMN app_downgrade text CHECK (app_downgrade IN ('NONE', 'IN_PLACE', 'REINSTALL'));

-- A rollback is a rollout of its own, made in the transaction that aborts the one it undoes, and at most once.
ALTER TABLE rollout
  ADD COLUMN rollback_of uuid UNIQUE,
  ADD FOREIGN KEY (account_id, rollback_of) REFERENCES rollout (account_id, rollout_id) ON DELETE CASCADE,
  ADD CHECK (rollback_of IS NULL OR action = 'UPDATE');

-- What the device had when the rollout first took it up, and what it was given then; in a rollback both are set when it is made.
ALTER TABLE rollout_device
  ADD COLUMN from_version_code bigint,
  ADD COLUMN to_version_code bigint;
