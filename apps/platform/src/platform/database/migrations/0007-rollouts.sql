-- Rollouts: state in these tables alone. docs/rollouts-states.md has the state tables.

-- A site's budget: devices at work (max_in_flight) and downloads of all its gateways together, with other
-- figures for hours of the day.
ALTER TABLE site
  ADD COLUMN download_bytes_per_second bigint CHECK (download_bytes_per_second > 0),
  ADD COLUMN budget_hours jsonb NOT NULL DEFAULT '[]';
CREATE INDEX site_with_budget_hours ON site (account_id) WHERE budget_hours <> '[]';

CREATE TABLE rollout (
  rollout_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES account,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  action text NOT NULL CHECK (action IN ('INSTALL', 'UPDATE', 'UNINSTALL', 'START', 'STOP')),
  app_id text COLLATE "C" NOT NULL,
  version text,
  -- newest version when the rollout was made: what the first wave proved is what the last wave gets
  max_version_code bigint,
  license_type text CHECK (license_type IN ('FULL', 'TRIAL', 'SUBSCRIPTION')),
  order_id uuid,
  filter jsonb,
  keep_open boolean NOT NULL DEFAULT false,
  -- what its maker saw: null is the whole account
  project_ids uuid[],
  strategy jsonb NOT NULL,
  schedule jsonb NOT NULL,
  when_offline text NOT NULL CHECK (when_offline IN ('QUEUE', 'SKIP', 'FAIL')),
  require_approval boolean NOT NULL DEFAULT false,
  state text NOT NULL CHECK (state IN ('AWAITING_APPROVAL', 'SCHEDULED', 'RUNNING', 'PAUSED', 'ABORTED', 'COMPLETED')),
  reason_code text,
  reason_detail text,
  -- something is left to do: also while an aborted one still has devices in flight
  is_open boolean NOT NULL DEFAULT true,
  wave smallint NOT NULL DEFAULT 0,
  wave_ended_at timestamptz,
  gate_passed boolean NOT NULL DEFAULT false,
  rate_tokens double precision NOT NULL DEFAULT 0,
  rate_at timestamptz NOT NULL DEFAULT now(),
  site_cursor uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  offline_checked_at timestamptz NOT NULL DEFAULT now(),
  joined_at timestamptz NOT NULL DEFAULT now(),
  created_by_kind text NOT NULL,
  created_by_id text,
  approved_by_kind text,
  approved_by_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  start_at timestamptz NOT NULL DEFAULT now(),
  deadline_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, rollout_id),
  CHECK (is_open OR state IN ('ABORTED', 'COMPLETED')),
  CHECK (action <> 'INSTALL' OR license_type IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX rollout_open ON rollout (start_at) WHERE is_open;
CREATE INDEX rollout_list ON rollout (account_id, created_at DESC, rollout_id DESC);

-- The counters of a rollout are the sums of its waves; changed by the trigger below alone.
CREATE TABLE rollout_wave (
  rollout_id uuid NOT NULL REFERENCES rollout ON DELETE CASCADE,
  wave smallint NOT NULL,
  percent double precision,
  count integer,
  started_at timestamptz,
  ended_at timestamptz,
  total integer NOT NULL DEFAULT 0,
  pending integer NOT NULL DEFAULT 0,
  offline integer NOT NULL DEFAULT 0,
  in_flight integer NOT NULL DEFAULT 0,
  succeeded integer NOT NULL DEFAULT 0,
  already_done integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  rejected integer NOT NULL DEFAULT 0,
  timed_out integer NOT NULL DEFAULT 0,
  skipped integer NOT NULL DEFAULT 0,
  cancelled integer NOT NULL DEFAULT 0,
  PRIMARY KEY (rollout_id, wave),
  CONSTRAINT rollout_wave_adds_up CHECK (
    total = pending + offline + in_flight + succeeded + already_done + failed + rejected + timed_out + skipped + cancelled),
  CHECK (least(pending, offline, in_flight, succeeded, already_done, failed, rejected, timed_out, skipped, cancelled) >= 0)
) WITH (fillfactor = 50);

-- No foreign key to device: what happened to a device stays known when the device is gone.
CREATE TABLE rollout_device (
  rollout_id uuid NOT NULL,
  account_id uuid NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  -- all ones: a device without a site
  site_id uuid NOT NULL DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  wave smallint NOT NULL,
  -- the wave in which it is due: a device that returns from offline is due in the wave at work
  turn smallint NOT NULL,
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'OFFLINE', 'IN_FLIGHT', 'SUCCEEDED', 'ALREADY_DONE', 'FAILED',
    'REJECTED', 'TIMED_OUT', 'SKIPPED', 'CANCELLED')),
  attempts smallint NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT now(),
  license_id uuid,
  -- of the installation's wish, while in flight
  revision bigint,
  reason text,
  detail text,
  error jsonb,
  started_at timestamptz,
  check_at timestamptz,
  step text,
  step_at timestamptz,
  deadline_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (rollout_id, device_id),
  FOREIGN KEY (account_id, rollout_id) REFERENCES rollout (account_id, rollout_id) ON DELETE CASCADE,
  CHECK ((state = 'IN_FLIGHT') = (revision IS NOT NULL))
) WITH (fillfactor = 70);
-- a device is in flight in at most one place
CREATE UNIQUE INDEX rollout_device_in_flight_once ON rollout_device (account_id, device_id) WHERE state = 'IN_FLIGHT';
CREATE INDEX rollout_device_at_site ON rollout_device (account_id, site_id, rollout_id) WHERE state = 'IN_FLIGHT';
CREATE INDEX rollout_device_check ON rollout_device (rollout_id, check_at) WHERE state = 'IN_FLIGHT';
CREATE INDEX rollout_device_pending ON rollout_device (rollout_id, turn, site_id, due_at) WHERE state = 'PENDING';
CREATE INDEX rollout_device_offline ON rollout_device (rollout_id, device_id) WHERE state = 'OFFLINE';
CREATE INDEX rollout_device_ended ON rollout_device (rollout_id, state, device_id)
  WHERE state IN ('ALREADY_DONE', 'FAILED', 'REJECTED', 'TIMED_OUT', 'SKIPPED', 'CANCELLED');

-- one function each: a transition table exists only for the kinds of statement that have it
CREATE FUNCTION count_rollout_devices_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rollout_wave w SET
    total = w.total + d.total,
    pending = w.pending + d.pending,
    offline = w.offline + d.offline,
    in_flight = w.in_flight + d.in_flight,
    succeeded = w.succeeded + d.succeeded,
    already_done = w.already_done + d.already_done,
    failed = w.failed + d.failed,
    rejected = w.rejected + d.rejected,
    timed_out = w.timed_out + d.timed_out,
    skipped = w.skipped + d.skipped,
    cancelled = w.cancelled + d.cancelled
  FROM (SELECT rollout_id, wave,
      sum(n)::int AS total,
      coalesce(sum(n) FILTER (WHERE state = 'PENDING'), 0)::int AS pending,
      coalesce(sum(n) FILTER (WHERE state = 'OFFLINE'), 0)::int AS offline,
      coalesce(sum(n) FILTER (WHERE state = 'IN_FLIGHT'), 0)::int AS in_flight,
      coalesce(sum(n) FILTER (WHERE state = 'SUCCEEDED'), 0)::int AS succeeded,
      coalesce(sum(n) FILTER (WHERE state = 'ALREADY_DONE'), 0)::int AS already_done,
      coalesce(sum(n) FILTER (WHERE state = 'FAILED'), 0)::int AS failed,
      coalesce(sum(n) FILTER (WHERE state = 'REJECTED'), 0)::int AS rejected,
      coalesce(sum(n) FILTER (WHERE state = 'TIMED_OUT'), 0)::int AS timed_out,
      coalesce(sum(n) FILTER (WHERE state = 'SKIPPED'), 0)::int AS skipped,
      coalesce(sum(n) FILTER (WHERE state = 'CANCELLED'), 0)::int AS cancelled
    FROM (SELECT rollout_id, wave, state, 1 AS n FROM new_rows) moved GROUP BY rollout_id, wave) d
  WHERE w.rollout_id = d.rollout_id AND w.wave = d.wave;
  RETURN NULL;
END $$;
CREATE FUNCTION count_rollout_devices_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rollout_wave w SET
    total = w.total + d.total,
    pending = w.pending + d.pending,
    offline = w.offline + d.offline,
    in_flight = w.in_flight + d.in_flight,
    succeeded = w.succeeded + d.succeeded,
    already_done = w.already_done + d.already_done,
    failed = w.failed + d.failed,
    rejected = w.rejected + d.rejected,
    timed_out = w.timed_out + d.timed_out,
    skipped = w.skipped + d.skipped,
    cancelled = w.cancelled + d.cancelled
  FROM (SELECT rollout_id, wave,
      sum(n)::int AS total,
      coalesce(sum(n) FILTER (WHERE state = 'PENDING'), 0)::int AS pending,
      coalesce(sum(n) FILTER (WHERE state = 'OFFLINE'), 0)::int AS offline,
      coalesce(sum(n) FILTER (WHERE state = 'IN_FLIGHT'), 0)::int AS in_flight,
      coalesce(sum(n) FILTER (WHERE state = 'SUCCEEDED'), 0)::int AS succeeded,
      coalesce(sum(n) FILTER (WHERE state = 'ALREADY_DONE'), 0)::int AS already_done,
      coalesce(sum(n) FILTER (WHERE state = 'FAILED'), 0)::int AS failed,
      coalesce(sum(n) FILTER (WHERE state = 'REJECTED'), 0)::int AS rejected,
      coalesce(sum(n) FILTER (WHERE state = 'TIMED_OUT'), 0)::int AS timed_out,
      coalesce(sum(n) FILTER (WHERE state = 'SKIPPED'), 0)::int AS skipped,
      coalesce(sum(n) FILTER (WHERE state = 'CANCELLED'), 0)::int AS cancelled
    FROM (SELECT rollout_id, wave, state, 1 AS n FROM new_rows
      UNION ALL SELECT rollout_id, wave, state, -1 FROM old_rows) moved GROUP BY rollout_id, wave) d
  WHERE w.rollout_id = d.rollout_id AND w.wave = d.wave;
  RETURN NULL;
END $$;
CREATE FUNCTION count_rollout_devices_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rollout_wave w SET
    total = w.total + d.total,
    pending = w.pending + d.pending,
    offline = w.offline + d.offline,
    in_flight = w.in_flight + d.in_flight,
    succeeded = w.succeeded + d.succeeded,
    already_done = w.already_done + d.already_done,
    failed = w.failed + d.failed,
    rejected = w.rejected + d.rejected,
    timed_out = w.timed_out + d.timed_out,
    skipped = w.skipped + d.skipped,
    cancelled = w.cancelled + d.cancelled
  FROM (SELECT rollout_id, wave,
      sum(n)::int AS total,
      coalesce(sum(n) FILTER (WHERE state = 'PENDING'), 0)::int AS pending,
      coalesce(sum(n) FILTER (WHERE state = 'OFFLINE'), 0)::int AS offline,
      coalesce(sum(n) FILTER (WHERE state = 'IN_FLIGHT'), 0)::int AS in_flight,
      coalesce(sum(n) FILTER (WHERE state = 'SUCCEEDED'), 0)::int AS succeeded,
      coalesce(sum(n) FILTER (WHERE state = 'ALREADY_DONE'), 0)::int AS already_done,
      coalesce(sum(n) FILTER (WHERE state = 'FAILED'), 0)::int AS failed,
      coalesce(sum(n) FILTER (WHERE state = 'REJECTED'), 0)::int AS rejected,
      coalesce(sum(n) FILTER (WHERE state = 'TIMED_OUT'), 0)::int AS timed_out,
      coalesce(sum(n) FILTER (WHERE state = 'SKIPPED'), 0)::int AS skipped,
      coalesce(sum(n) FILTER (WHERE state = 'CANCELLED'), 0)::int AS cancelled
    FROM (SELECT rollout_id, wave, state, -1 AS n FROM old_rows) moved GROUP BY rollout_id, wave) d
  WHERE w.rollout_id = d.rollout_id AND w.wave = d.wave;
  RETURN NULL;
END $$;
CREATE TRIGGER rollout_device_added AFTER INSERT ON rollout_device REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_rollout_devices_added();
CREATE TRIGGER rollout_device_changed AFTER UPDATE ON rollout_device REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_rollout_devices_changed();
CREATE TRIGGER rollout_device_removed AFTER DELETE ON rollout_device REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_rollout_devices_removed();
