-- Tenancy: every row of a tenant carries account_id, and foreign keys between tenant tables carry it too,
-- so that a row can never point into another account.

CREATE TABLE account (
  account_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  is_operator boolean NOT NULL DEFAULT false,
  suspended_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX account_one_operator ON account (is_operator) WHERE is_operator;

CREATE TABLE account_user (
  user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  email text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
  first_name text NOT NULL DEFAULT '',
  last_name text NOT NULL DEFAULT '',
  permissions text[] NOT NULL DEFAULT '{}',
  auth_user_id text UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, user_id)
);
CREATE UNIQUE INDEX account_user_email ON account_user (email);

CREATE TABLE invitation (
  invitation_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  email text NOT NULL CHECK (email = lower(email)),
  permissions text[] NOT NULL,
  token_hash text NOT NULL UNIQUE,
  invited_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  revoked_at timestamptz
);
CREATE UNIQUE INDEX invitation_one_pending ON invitation (account_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;

CREATE TABLE technical_user (
  client_id text PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  name text NOT NULL,
  secret_hash text NOT NULL,
  permissions text[] NOT NULL,
  whole_account boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  UNIQUE (account_id, client_id)
);

CREATE TABLE access_token (
  token_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  user_id uuid NOT NULL,
  name text NOT NULL,
  token_hash text NOT NULL UNIQUE,
  permissions text[],
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  FOREIGN KEY (account_id, user_id) REFERENCES account_user (account_id, user_id) ON DELETE CASCADE
);
CREATE INDEX access_token_user ON access_token (user_id);

CREATE TABLE project (
  project_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  description text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, project_id),
  UNIQUE (account_id, name)
);
CREATE TABLE project_member (
  account_id uuid NOT NULL,
  project_id uuid NOT NULL,
  user_id uuid NOT NULL,
  PRIMARY KEY (project_id, user_id),
  FOREIGN KEY (account_id, project_id) REFERENCES project (account_id, project_id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, user_id) REFERENCES account_user (account_id, user_id) ON DELETE CASCADE
);
CREATE INDEX project_member_user ON project_member (user_id);
CREATE TABLE technical_user_project (
  account_id uuid NOT NULL,
  client_id text NOT NULL,
  project_id uuid NOT NULL,
  PRIMARY KEY (client_id, project_id),
  FOREIGN KEY (account_id, client_id) REFERENCES technical_user (account_id, client_id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, project_id) REFERENCES project (account_id, project_id) ON DELETE CASCADE
);

CREATE TABLE site (
  site_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  time_zone text NOT NULL DEFAULT 'UTC',
  max_in_flight integer NOT NULL DEFAULT 4 CHECK (max_in_flight BETWEEN 1 AND 1000),
  repair text NOT NULL DEFAULT 'request' CHECK (repair IN ('request', 'auto')),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, site_id),
  UNIQUE (account_id, name)
);

CREATE SEQUENCE gateway_session;
CREATE TABLE gateway (
  gateway_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  site_id uuid NOT NULL,
  name text NOT NULL,
  version text,
  public_key jsonb NOT NULL,
  certificate_serial text NOT NULL,
  certificate_expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  session bigint NOT NULL DEFAULT 0,
  connection_id text,
  connected boolean NOT NULL DEFAULT false,
  last_message_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, gateway_id),
  FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, site_id)
);
CREATE INDEX gateway_connected ON gateway (last_message_at) WHERE connected;
CREATE INDEX gateway_account ON gateway (account_id, gateway_id);

CREATE TABLE enrollment_token (
  token_hash text PRIMARY KEY,
  account_id uuid NOT NULL,
  site_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, site_id) ON DELETE CASCADE
);

CREATE TABLE device (
  account_id uuid NOT NULL REFERENCES account,
  device_id text COLLATE "C" NOT NULL CHECK (length(device_id) BETWEEN 1 AND 255 AND device_id NOT IN ('.', '..')),
  state text NOT NULL CHECK (state IN ('CLAIMED', 'UNCLAIMED')),
  name text,
  manufacturer text,
  model text,
  serial_number text,
  mac_address text,
  firmware_version text,
  architecture text,
  platform_level integer,
  driver text,
  app_formats text[] NOT NULL DEFAULT '{}',
  address text,
  site_id uuid,
  gateway_id uuid,
  project_ids uuid[] NOT NULL DEFAULT '{}',
  customer text,
  location text,
  tags text[] NOT NULL DEFAULT '{}',
  connectivity text NOT NULL DEFAULT 'NOT_CONNECTED' CHECK (connectivity IN ('ONLINE', 'OFFLINE', 'UNKNOWN', 'NOT_CONNECTED')),
  connectivity_reason text,
  connectivity_detail text,
  last_seen_at timestamptz,
  clock_offset_seconds integer,
  certificate_expires_at timestamptz,
  identity_source text,
  apps_update_possible boolean NOT NULL DEFAULT false,
  -- channel: one gateway at a time, numbered; desired revision against the one the gateway has confirmed
  assignment integer NOT NULL DEFAULT 0,
  revision bigint NOT NULL DEFAULT 0,
  reported_revision bigint NOT NULL DEFAULT 0,
  sent_at timestamptz,
  report_session bigint NOT NULL DEFAULT 0,
  report_seq bigint NOT NULL DEFAULT 0,
  claimed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, device_id),
  FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, site_id),
  FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, gateway_id),
  CHECK (state = 'UNCLAIMED' OR (gateway_id IS NOT NULL AND site_id IS NOT NULL AND claimed_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX device_claimed_once ON device (device_id) WHERE state = 'CLAIMED';
CREATE INDEX device_gateway ON device (gateway_id, device_id) WHERE gateway_id IS NOT NULL;
CREATE INDEX device_site ON device (account_id, site_id, device_id);
CREATE INDEX device_update_possible ON device (account_id, device_id) WHERE apps_update_possible;
CREATE INDEX device_to_send ON device (gateway_id) WHERE revision <> reported_revision AND gateway_id IS NOT NULL;
CREATE INDEX device_connectivity ON device (account_id, connectivity, device_id);
CREATE INDEX device_model ON device (account_id, model, device_id);
CREATE INDEX device_tags ON device USING gin (tags);
CREATE INDEX device_projects ON device USING gin (project_ids);

CREATE TABLE project_device (
  account_id uuid NOT NULL,
  project_id uuid NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, device_id),
  FOREIGN KEY (account_id, project_id) REFERENCES project (account_id, project_id) ON DELETE CASCADE,
  FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, device_id) ON DELETE CASCADE
);
CREATE INDEX project_device_device ON project_device (account_id, device_id);
-- device.project_ids repeats project_device, so that visibility is one comparison in every query
CREATE FUNCTION refresh_device_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device d SET project_ids = coalesce(
      (SELECT array_agg(p.project_id ORDER BY p.project_id) FROM project_device p
       WHERE p.account_id = d.account_id AND p.device_id = d.device_id), '{}')
  WHERE (d.account_id, d.device_id) IN (SELECT account_id, device_id FROM changed_rows);
  RETURN NULL;
END $$;
CREATE TRIGGER project_device_added AFTER INSERT ON project_device
  REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION refresh_device_projects();
CREATE TRIGGER project_device_removed AFTER DELETE ON project_device
  REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION refresh_device_projects();

CREATE TABLE app (
  app_id text COLLATE "C" PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  name text NOT NULL,
  short_description text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  industries text[] NOT NULL DEFAULT '{}',
  use_cases text[] NOT NULL DEFAULT '{}',
  integration_types text[] NOT NULL DEFAULT '{}',
  website text,
  video_url text,
  image_urls text[] NOT NULL DEFAULT '{}',
  trial_days integer NOT NULL DEFAULT 30 CHECK (trial_days BETWEEN 1 AND 365),
  visibility text NOT NULL DEFAULT 'PRIVATE' CHECK (visibility IN ('PRIVATE', 'LISTED')),
  signer_sha256 text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX app_publisher ON app (account_id, app_id);

CREATE TABLE app_version (
  app_id text COLLATE "C" NOT NULL REFERENCES app ON DELETE CASCADE,
  version_code bigint NOT NULL,
  version text NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  withdrawn_at timestamptz,
  PRIMARY KEY (app_id, version_code),
  UNIQUE (app_id, version)
);
CREATE TABLE app_package (
  package_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  app_id text COLLATE "C" NOT NULL,
  version_code bigint NOT NULL,
  format text NOT NULL CHECK (format IN ('apk', 'eap')),
  architectures text[] NOT NULL DEFAULT '{}',
  min_platform_level integer,
  size bigint NOT NULL,
  sha256 text NOT NULL,
  signer_sha256 text,
  published_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (app_id, version_code) REFERENCES app_version (app_id, version_code) ON DELETE CASCADE,
  UNIQUE (app_id, version_code, format, architectures)
);
CREATE INDEX app_package_sha256 ON app_package (sha256);

CREATE TABLE project_app (
  account_id uuid NOT NULL,
  project_id uuid NOT NULL,
  app_id text COLLATE "C" NOT NULL REFERENCES app ON DELETE CASCADE,
  PRIMARY KEY (project_id, app_id),
  FOREIGN KEY (account_id, project_id) REFERENCES project (account_id, project_id) ON DELETE CASCADE
);
CREATE INDEX project_app_app ON project_app (account_id, app_id);

CREATE TABLE app_order (
  order_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  app_id text COLLATE "C" NOT NULL REFERENCES app,
  license_type text NOT NULL CHECK (license_type IN ('FULL', 'TRIAL', 'SUBSCRIPTION')),
  total integer NOT NULL CHECK (total >= 0),
  used integer NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'PLACED' CHECK (state IN ('PLACED', 'CONFIRMED', 'CANCELLED', 'ENDED')),
  term_days integer CHECK ((license_type = 'SUBSCRIPTION') = (term_days IS NOT NULL)),
  valid_until timestamptz,
  reference text,
  placed_at timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz,
  confirmed_by text,
  cancelled_at timestamptz,
  CONSTRAINT app_order_units CHECK (used BETWEEN 0 AND total),
  CONSTRAINT app_order_used_needs_confirmation CHECK (used = 0 OR state = 'CONFIRMED'),
  UNIQUE (order_id, account_id, app_id, license_type)
) WITH (fillfactor = 50);
CREATE INDEX app_order_line ON app_order (account_id, app_id, license_type, valid_until DESC NULLS FIRST) WHERE state = 'CONFIRMED';
CREATE INDEX app_order_app ON app_order (app_id, placed_at);

CREATE TABLE license (
  license_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  app_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  license_type text NOT NULL CHECK (license_type IN ('FULL', 'TRIAL', 'SUBSCRIPTION')),
  order_id uuid,
  issuer text NOT NULL DEFAULT 'PLATFORM' CHECK (issuer IN ('PLATFORM', 'VENDOR')),
  state text NOT NULL CHECK (state IN ('RESERVED', 'VALID', 'EXPIRED', 'RELEASED')),
  token text,
  key_certificate text,
  valid_from timestamptz,
  valid_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  issued_at timestamptz,
  released_at timestamptz,
  release_reason text,
  CHECK (issuer = 'VENDOR' OR order_id IS NOT NULL),
  CHECK (state <> 'RESERVED' OR token IS NULL),
  CHECK (state <> 'VALID' OR token IS NOT NULL),
  FOREIGN KEY (order_id, account_id, app_id, license_type) REFERENCES app_order (order_id, account_id, app_id, license_type)
);
-- every unit is free or in exactly one license; one pair holds at most one license of a type
CREATE UNIQUE INDEX license_held_once ON license (account_id, app_id, device_id, license_type) WHERE state IN ('RESERVED', 'VALID');
CREATE INDEX license_pair ON license (account_id, device_id, app_id);
CREATE INDEX license_order ON license (order_id) WHERE state IN ('RESERVED', 'VALID');
CREATE INDEX license_until ON license (valid_until) WHERE state = 'VALID' AND valid_until IS NOT NULL;

-- app_order.used is changed by this trigger alone, last in every transaction's lock order
CREATE FUNCTION count_used_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE app_order o SET used = o.used + d.units FROM
      (SELECT order_id, count(*)::int AS units FROM new_rows WHERE state IN ('RESERVED', 'VALID') AND order_id IS NOT NULL GROUP BY order_id) d
    WHERE o.order_id = d.order_id;
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE app_order o SET used = o.used + d.units FROM
      (SELECT order_id, sum(n)::int AS units FROM
        (SELECT order_id, 1 AS n FROM new_rows WHERE state IN ('RESERVED', 'VALID')
         UNION ALL SELECT order_id, -1 FROM old_rows WHERE state IN ('RESERVED', 'VALID')) moved
       WHERE order_id IS NOT NULL GROUP BY order_id HAVING sum(n) <> 0) d
    WHERE o.order_id = d.order_id;
  ELSE
    UPDATE app_order o SET used = o.used - d.units FROM
      (SELECT order_id, count(*)::int AS units FROM old_rows WHERE state IN ('RESERVED', 'VALID') AND order_id IS NOT NULL GROUP BY order_id) d
    WHERE o.order_id = d.order_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER license_inserted AFTER INSERT ON license REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_used_units();
CREATE TRIGGER license_updated AFTER UPDATE ON license REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_used_units();
CREATE TRIGGER license_deleted AFTER DELETE ON license REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_used_units();

-- a trial is once per account, app and device; recorded when issued, surviving release
CREATE TABLE trial_issued (
  account_id uuid NOT NULL REFERENCES account,
  app_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  license_id uuid NOT NULL,
  issued_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, app_id, device_id)
);

CREATE TABLE installation (
  account_id uuid NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  app_id text COLLATE "C" NOT NULL,
  name text,
  -- desired; revision is the device revision of the last accepted request
  presence text CHECK (presence IN ('PRESENT', 'ABSENT')),
  package_id uuid REFERENCES app_package,
  desired_running_state text CHECK (desired_running_state IN ('RUNNING', 'NOT_RUNNING')),
  allow_downgrade boolean NOT NULL DEFAULT false,
  revision bigint NOT NULL DEFAULT 0,
  settled boolean NOT NULL DEFAULT true,
  queued boolean NOT NULL DEFAULT false,
  requested_at timestamptz,
  deadline_at timestamptz,
  license_id uuid REFERENCES license,
  -- where the way to it stands
  installation_state text NOT NULL DEFAULT 'NOT_INSTALLED' CHECK (installation_state IN ('NOT_INSTALLED', 'PENDING', 'DOWNLOADING', 'INSTALLING',
    'INSTALLED', 'UPDATING', 'UNINSTALLING', 'INSTALLATION_FAILED', 'UPDATE_FAILED', 'UNINSTALL_FAILED')),
  progress jsonb,
  error jsonb,
  drift text CHECK (drift IN ('REMOVED', 'STOPPED', 'STARTED', 'VERSION_CHANGED')),
  -- observed on the camera
  managed boolean NOT NULL DEFAULT false,
  present boolean NOT NULL DEFAULT false,
  installed_version text,
  installed_version_code bigint,
  running_state text NOT NULL DEFAULT 'UNKNOWN' CHECK (running_state IN ('RUNNING', 'NOT_RUNNING', 'UNKNOWN')),
  observed_at timestamptz,
  updatable boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, device_id, app_id),
  FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, device_id) ON DELETE CASCADE,
  CHECK (presence IS NULL OR managed),
  CHECK (settled OR deadline_at IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX installation_app ON installation (account_id, app_id, device_id);
CREATE INDEX installation_deadline ON installation (deadline_at) WHERE NOT settled;
CREATE INDEX installation_updatable ON installation (account_id, app_id, device_id) WHERE updatable;
CREATE INDEX installation_license ON installation (license_id) WHERE license_id IS NOT NULL;
CREATE INDEX installation_package ON installation (package_id) WHERE package_id IS NOT NULL;

-- Readers page by (xid, event_id) below pg_snapshot_xmin: a row that commits late is never skipped.
CREATE TABLE event (
  event_id bigint GENERATED ALWAYS AS IDENTITY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  account_id uuid NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'technical-user', 'gateway', 'platform')),
  actor_id text,
  device_id text COLLATE "C",
  app_id text COLLATE "C",
  license_id uuid,
  order_id uuid,
  project_ids uuid[],
  request_id text,
  data jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (account_id, xid, event_id)
);
CREATE INDEX event_device ON event (account_id, device_id, xid, event_id) WHERE device_id IS NOT NULL;

CREATE TABLE idempotency_key (
  scope_hash text PRIMARY KEY,
  request_hash text NOT NULL,
  status integer NOT NULL,
  headers jsonb NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);

-- Keys of the instance, private parts sealed by OCELLI_MASTER_KEY.
CREATE TABLE instance_key (
  purpose text NOT NULL CHECK (purpose IN ('ca', 'access-token', 'license-root', 'license-signing')),
  key_id text NOT NULL,
  public_part jsonb NOT NULL,
  sealed_private_part text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz,
  PRIMARY KEY (purpose, key_id)
);
CREATE UNIQUE INDEX instance_key_active ON instance_key (purpose) WHERE retired_at IS NULL;

CREATE TABLE device_transfer (
  transfer_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  from_account_id uuid NOT NULL REFERENCES account,
  to_account_id uuid NOT NULL REFERENCES account,
  device_id text COLLATE "C" NOT NULL,
  with_licenses boolean NOT NULL,
  state text NOT NULL DEFAULT 'OFFERED' CHECK (state IN ('OFFERED', 'ACCEPTED', 'DECLINED', 'WITHDRAWN')),
  offered_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  CHECK (from_account_id <> to_account_id)
);
CREATE UNIQUE INDEX device_transfer_one_open ON device_transfer (from_account_id, device_id) WHERE state = 'OFFERED';
CREATE INDEX device_transfer_to ON device_transfer (to_account_id) WHERE state = 'OFFERED';

-- Bytes stored once by content; rows let a sweep find blobs that no package names.
CREATE TABLE blob (
  sha256 text PRIMARY KEY,
  size bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
