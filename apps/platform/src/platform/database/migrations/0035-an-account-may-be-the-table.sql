-- The planner is to believe that an account may be all of a table. Statistics that were gathered while each account had one row
-- say that an account is one row. Until they are gathered anew, plans then begin at the account and read all that it has by
-- now, statements and foreign keys alike (index (account_id, name) of site for a check of (account_id, site_id): 35 million rows
-- for 6,000 gateways enrolled in a minute). With 1, what has an id is looked up by it. The most common accounts are still known
-- by what was measured, and a plan for the account at hand is still made where it is the cheaper one. Read by ANALYZE.
DO $$
DECLARE tenant record;
BEGIN
  FOR tenant IN SELECT a.attrelid::regclass AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attname = 'account_id' AND NOT a.attisdropped AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> 'account'
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN account_id SET (n_distinct = 1)', tenant.name);
  END LOOP;
END $$;

-- As before, but each device is looked up: the plan that a connection keeps for this may have been made for very many at once,
-- and then read all devices for one.
CREATE OR REPLACE FUNCTION refresh_device_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device d SET project_ids = coalesce(
      (SELECT array_agg(p.project_id ORDER BY p.project_id) FROM project_device p
       WHERE p.account_id = d.account_id AND p.device_id = d.device_id), '{}')
  WHERE (d.account_id, d.device_id) IN (SELECT account_id, device_id FROM changed_rows)
    AND d.account_id = ANY(ARRAY(SELECT DISTINCT account_id FROM changed_rows)) AND d.device_id = ANY(ARRAY(SELECT device_id FROM changed_rows));
  RETURN NULL;
END $$;
