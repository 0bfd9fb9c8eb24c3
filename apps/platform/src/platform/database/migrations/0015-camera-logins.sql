-- To which passwords of cameras are sealed: the gateway's key, and the account's for the day when a gateway is lost.
ALTER TABLE gateway ADD COLUMN sealing_key jsonb CHECK (jsonb_typeof(sealing_key) = 'object');
ALTER TABLE account
  ADD COLUMN recovery_key jsonb CHECK (jsonb_typeof(recovery_key) = 'object'),
  ADD COLUMN recovery_key_changed_at timestamptz;

-- Logins of cameras on their way to a gateway: PENDING -> SENT -> CLAIMED, CHANGED or FAILED. A row whose work is done holds
-- no sealed text any more.
CREATE TABLE camera_login (
  login_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  batch_id uuid NOT NULL,
  position integer NOT NULL,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  gateway_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('CLAIM', 'CREDENTIALS')),
  requested_by text NOT NULL,
  request_id text,
  address text,
  device_id text COLLATE "C",
  name text,
  site_id uuid,
  customer text,
  tags text[],
  sealed text,
  sealed_for_recovery text,
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'SENT', 'CLAIMED', 'CHANGED', 'FAILED')),
  error jsonb,
  sent_at timestamptz,
  sent_session bigint,
  send_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '1 day',
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, gateway_id) ON DELETE CASCADE,
  CHECK ((state IN ('PENDING', 'SENT')) = (sealed IS NOT NULL)),
  CHECK (state IN ('PENDING', 'SENT') OR sealed_for_recovery IS NULL),
  CHECK ((state = 'FAILED') = (error IS NOT NULL)),
  CHECK (kind <> 'CLAIM' OR address IS NOT NULL),
  CHECK (kind <> 'CREDENTIALS' OR device_id IS NOT NULL),
  CHECK (state <> 'CLAIMED' OR kind = 'CLAIM'),
  CHECK (state <> 'CHANGED' OR kind = 'CREDENTIALS')
);
CREATE INDEX camera_login_batch ON camera_login (batch_id, position);
CREATE INDEX camera_login_open ON camera_login (gateway_id, created_at, position) WHERE state IN ('PENDING', 'SENT');
CREATE INDEX camera_login_done ON camera_login (updated_at) WHERE state NOT IN ('PENDING', 'SENT');

-- Logins sealed to the account's recovery key: what is left when a gateway is lost. `place` is what the text is bound to.
CREATE TABLE camera_recovery (
  account_id uuid NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  place text NOT NULL,
  sealed text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, device_id)
);
