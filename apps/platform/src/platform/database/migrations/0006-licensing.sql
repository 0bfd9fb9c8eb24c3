-- Ends and renewals. `renewal` counts the tokens that followed the first one under the same license: a gateway places the
-- license again when it grows. `warned_days` is the smallest threshold that was told for the present end.
ALTER TABLE license
  ADD COLUMN renewal integer NOT NULL DEFAULT 0,
  ADD COLUMN renewed_at timestamptz,
  ADD COLUMN expired_at timestamptz,
  ADD COLUMN warned_days integer,
  ADD COLUMN ran_at_expiry boolean NOT NULL DEFAULT false;

-- An app maker's public keys, by RFC 7638 thumbprint; grants are verified with them when they are imported.
CREATE TABLE maker_key (
  app_id text COLLATE "C" NOT NULL REFERENCES app ON DELETE CASCADE,
  key_id text NOT NULL,
  public_key jsonb NOT NULL,
  added_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (app_id, key_id)
);

-- A grant counts once on this instance, whoever imports it. A transfer with licenses makes order lines that carry it too.
CREATE TABLE order_grant (
  grant_id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  app_id text COLLATE "C" NOT NULL REFERENCES app,
  license_type text NOT NULL CHECK (license_type IN ('FULL', 'TRIAL', 'SUBSCRIPTION')),
  quantity integer NOT NULL CHECK (quantity > 0),
  term_days integer CHECK ((license_type = 'SUBSCRIPTION') = (term_days IS NOT NULL)),
  maker_order text NOT NULL,
  key_id text NOT NULL,
  statement text NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT now(),
  imported_by text NOT NULL
);
CREATE INDEX order_grant_account ON order_grant (account_id, imported_at);
ALTER TABLE app_order
  ADD COLUMN grant_id uuid REFERENCES order_grant,
  ADD COLUMN ended_at timestamptz;
CREATE INDEX app_order_until ON app_order (valid_until) WHERE state = 'CONFIRMED' AND valid_until IS NOT NULL;
CREATE INDEX app_order_grant ON app_order (grant_id) WHERE grant_id IS NOT NULL;

-- Keys that people and machines sign receipts with. A key has one owner on the instance, or a receipt would have two.
CREATE TABLE signing_key (
  key_id text PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  user_id uuid,
  client_id text,
  name text NOT NULL,
  public_key jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  CHECK ((user_id IS NULL) <> (client_id IS NULL)),
  FOREIGN KEY (account_id, user_id) REFERENCES account_user (account_id, user_id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, client_id) REFERENCES technical_user (account_id, client_id) ON DELETE CASCADE
);
CREATE INDEX signing_key_user ON signing_key (account_id, user_id);
CREATE INDEX signing_key_client ON signing_key (account_id, client_id);

CREATE TABLE bundle (
  bundle_id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  manifest text NOT NULL,
  key_certificate text NOT NULL,
  root_thumbprint text NOT NULL,
  packages jsonb NOT NULL,
  outcomes jsonb NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  UNIQUE (account_id, bundle_id)
);
CREATE INDEX bundle_account ON bundle (account_id, created_at);
CREATE TABLE bundle_license (
  bundle_id uuid NOT NULL REFERENCES bundle,
  license_id uuid NOT NULL REFERENCES license,
  PRIMARY KEY (bundle_id, license_id)
);

-- What counted of the receipts: each entry once per account and nonce. A refused entry leaves no row and may come again.
CREATE TABLE receipt (
  receipt_id uuid NOT NULL,
  account_id uuid NOT NULL REFERENCES account,
  key_id text NOT NULL,
  bundle_id uuid,
  signed_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  reported_by text NOT NULL,
  statement text NOT NULL,
  PRIMARY KEY (account_id, receipt_id)
);
CREATE TABLE receipt_entry (
  account_id uuid NOT NULL,
  nonce text NOT NULL,
  receipt_id uuid NOT NULL,
  license_id uuid NOT NULL REFERENCES license,
  device_id text COLLATE "C" NOT NULL,
  app_id text COLLATE "C" NOT NULL,
  result text NOT NULL CHECK (result IN ('INSTALLED', 'REMOVED', 'FAILED')),
  version text,
  detail text,
  at timestamptz NOT NULL,
  counted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, nonce),
  FOREIGN KEY (account_id, receipt_id) REFERENCES receipt (account_id, receipt_id)
);
CREATE INDEX receipt_entry_license ON receipt_entry (license_id);
