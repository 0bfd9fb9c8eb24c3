-- Who may use how much of a site's budget. docs/site-budgets.md has the states.

ALTER TABLE site ADD COLUMN upload_bytes_per_second bigint CHECK (upload_bytes_per_second > 0);
ALTER TABLE gateway
  -- its heartbeats say which shares it keeps to
  ADD COLUMN confirms_shares boolean NOT NULL DEFAULT false,
  -- since when it is not connected: what it had begun may go on for a while
  ADD COLUMN away_at timestamptz;

-- Written only under the lock of the site's row, but for what a gateway confirms: that only ever lowers held.
CREATE TABLE site_share (
  site_id uuid NOT NULL REFERENCES site ON DELETE CASCADE,
  gateway_id uuid NOT NULL REFERENCES gateway ON DELETE CASCADE,
  -- devices at work that it was told last, and that it may be using still; the sum of held keeps within the budget
  share integer NOT NULL CHECK (share >= 0),
  held integer NOT NULL CHECK (held >= share),
  -- devices at work and waiting, as it said last
  wants integer NOT NULL DEFAULT 0,
  -- grows with every change of what it is told
  number bigint NOT NULL,
  confirmed_number bigint,
  told jsonb NOT NULL,
  told_at timestamptz NOT NULL DEFAULT now(),
  -- since when it has a place at all, or none
  share_since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (site_id, gateway_id)
) WITH (fillfactor = 70);
CREATE INDEX site_share_gateway ON site_share (gateway_id);

-- The revision that a rollout wished last. An unsettled wish of another revision is a single request's.
ALTER TABLE installation ADD COLUMN rollout_revision bigint;
CREATE INDEX installation_single_under_way ON installation (account_id, device_id)
  WHERE NOT settled AND NOT queued AND rollout_revision IS DISTINCT FROM revision;
