-- Events of transactions below this number can be read for good: none of them will still commit.
--
-- It is the lowest transaction that the statement's own snapshot saw running, as pg_snapshot_xmin, but without those of the
-- server's other databases: a long one there would hold back every reader here. One that cannot be told to be another
-- database's (it ended meanwhile, or is prepared and has no process) counts as ours, which only delays.
-- STABLE, so that pg_current_snapshot() is that of the calling statement.
CREATE FUNCTION event_horizon() RETURNS xid8 LANGUAGE plpgsql STABLE AS $$
DECLARE
  seen pg_snapshot := pg_current_snapshot();
BEGIN
  IF pg_snapshot_xmin(seen) = pg_snapshot_xmax(seen) THEN
    RETURN pg_snapshot_xmax(seen);
  END IF;
  RETURN coalesce(
    (SELECT min(running) FROM pg_snapshot_xip(seen) AS running
     WHERE NOT EXISTS (
       SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE pg_locks.locktype = 'transactionid' AND pg_locks.granted AND pg_locks.mode = 'ExclusiveLock'
         AND pg_locks.transactionid = running::xid AND pg_stat_activity.datname <> current_database())),
    pg_snapshot_xmax(seen));
END
$$;
