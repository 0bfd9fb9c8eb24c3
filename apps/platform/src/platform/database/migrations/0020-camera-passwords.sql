-- New passwords that gateways set on cameras: PENDING -> SENT -> CHANGED, FAILED or UNKNOWN. UNKNOWN: it may have been set, and the
-- gateway finds out; -> CHANGED or FAILED. Until then the row keeps both sealed texts: nobody may lose a password that counts.
ALTER TABLE gateway ADD COLUMN sets_passwords boolean NOT NULL DEFAULT false;

ALTER TABLE camera_login
  DROP CONSTRAINT camera_login_kind_check,
  DROP CONSTRAINT camera_login_state_check,
  DROP CONSTRAINT camera_login_check,
  DROP CONSTRAINT camera_login_check1,
  DROP CONSTRAINT camera_login_check2,
  DROP CONSTRAINT camera_login_check4,
  DROP CONSTRAINT camera_login_check6;
ALTER TABLE camera_login
  ADD CONSTRAINT camera_login_kind CHECK (kind IN ('CLAIM', 'CREDENTIALS', 'PASSWORD')),
  ADD CONSTRAINT camera_login_state CHECK (state IN ('PENDING', 'SENT', 'UNKNOWN', 'CLAIMED', 'CHANGED', 'FAILED')),
  ADD CONSTRAINT camera_login_sealed CHECK ((state IN ('PENDING', 'SENT', 'UNKNOWN')) = (sealed IS NOT NULL)),
  ADD CONSTRAINT camera_login_copy CHECK (state IN ('PENDING', 'SENT', 'UNKNOWN') OR sealed_for_recovery IS NULL),
  ADD CONSTRAINT camera_login_error CHECK ((state IN ('UNKNOWN', 'FAILED')) = (error IS NOT NULL)),
  ADD CONSTRAINT camera_login_device CHECK (kind = 'CLAIM' OR device_id IS NOT NULL),
  ADD CONSTRAINT camera_login_changed CHECK (state <> 'CHANGED' OR kind IN ('CREDENTIALS', 'PASSWORD')),
  ADD CONSTRAINT camera_login_unknown CHECK (state <> 'UNKNOWN' OR kind = 'PASSWORD'),
  ADD CONSTRAINT camera_login_password_copy CHECK (kind <> 'PASSWORD' OR sealed IS NULL OR sealed_for_recovery IS NOT NULL);

-- Never more than one new password at a time for a camera.
CREATE UNIQUE INDEX camera_login_one_password ON camera_login (account_id, device_id)
  WHERE kind = 'PASSWORD' AND state IN ('PENDING', 'SENT', 'UNKNOWN');
CREATE INDEX camera_login_in_doubt ON camera_login (gateway_id, created_at, position) WHERE state = 'UNKNOWN';
DROP INDEX camera_login_done;
CREATE INDEX camera_login_done ON camera_login (updated_at) WHERE state NOT IN ('PENDING', 'SENT', 'UNKNOWN');
