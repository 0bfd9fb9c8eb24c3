import { sql } from 'kysely'
import type { Database } from '../../src/platform/database/database.ts'

/** Has the database itself note every movement of every license, with the transaction that made it. */
export async function watchMovements(db: Database): Promise<void> {
  for (const statement of [
    `CREATE TABLE movement (license_id uuid, account_id uuid, before text, after text, moved_order boolean, renewed boolean,
       xid xid8 DEFAULT pg_current_xact_id())`,
    `CREATE FUNCTION note_movement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO movement (license_id, account_id, before, after, moved_order, renewed)
       VALUES (NEW.license_id, NEW.account_id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
         TG_OP = 'UPDATE' AND OLD.order_id IS DISTINCT FROM NEW.order_id, TG_OP = 'UPDATE' AND OLD.renewal <> NEW.renewal);
       RETURN NULL; END $$`,
    `CREATE TRIGGER note_movement_inserted AFTER INSERT ON license FOR EACH ROW EXECUTE FUNCTION note_movement()`,
    `CREATE TRIGGER note_movement_updated AFTER UPDATE ON license FOR EACH ROW
       WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.order_id IS DISTINCT FROM NEW.order_id OR OLD.renewal <> NEW.renewal)
       EXECUTE FUNCTION note_movement()`,
  ]) {
    await sql.raw(statement).execute(db)
  }
}

/** Everything that is wrong with an account's units; each line is a failure. Stands on rows alone, on no counter. */
export async function findLedgerErrors(db: Database, accountId: string): Promise<string[]> {
  const { rows } = await sql<{ error: string }>`
    WITH expected AS (
      SELECT m.license_id, m.xid, CASE
          WHEN m.before IS NULL THEN 'license.reserved'
          WHEN m.moved_order OR m.renewed THEN 'license.renewed'
          WHEN m.after = 'VALID' THEN 'license.issued'
          WHEN m.after = 'RELEASED' THEN 'license.released'
          WHEN m.after = 'EXPIRED' THEN 'license.expired' ELSE 'unknown ' || m.before || ' to ' || m.after END AS type
      FROM movement m WHERE m.account_id = ${accountId}
    ), told AS (
      SELECT e.license_id, e.xid, e.type FROM event e WHERE e.account_id = ${accountId}
        AND e.type IN ('license.reserved', 'license.renewed', 'license.issued', 'license.released', 'license.expired')
    )
    SELECT 'movement without its event: ' || type || ' ' || license_id AS error FROM (SELECT * FROM expected EXCEPT ALL SELECT * FROM told) x
    UNION ALL
    SELECT 'event without its movement: ' || type || ' ' || license_id FROM (SELECT * FROM told EXCEPT ALL SELECT * FROM expected) x
    UNION ALL
    SELECT 'order ' || o.order_id || ' ' || o.state || ': total ' || o.total || ', used ' || o.used || ', counted ' || count(l.license_id)
    FROM app_order o LEFT JOIN license l ON l.order_id = o.order_id AND l.state IN ('RESERVED', 'VALID')
    WHERE o.account_id = ${accountId} GROUP BY o.order_id
    HAVING o.used <> count(l.license_id) OR count(l.license_id) > o.total OR (count(l.license_id) > 0 AND o.state <> 'CONFIRMED')
    UNION ALL
    SELECT 'two licenses of a type on ' || device_id FROM license WHERE account_id = ${accountId} AND state IN ('RESERVED', 'VALID')
    GROUP BY app_id, device_id, license_type HAVING count(*) > 1
    UNION ALL
    SELECT 'forbidden movement ' || before || ' to ' || after || ' of ' || license_id FROM movement
    WHERE account_id = ${accountId} AND (before = 'RELEASED' OR (before = 'VALID' AND after = 'RESERVED') OR (before = 'EXPIRED' AND after <> 'VALID'))
    UNION ALL
    SELECT 'a trial twice on ' || device_id FROM license WHERE account_id = ${accountId} AND license_type = 'TRIAL' AND token IS NOT NULL
    GROUP BY app_id, device_id HAVING count(*) > 1
    UNION ALL
    SELECT 'a license of a device that is not listed: ' || l.device_id FROM license l
    WHERE l.account_id = ${accountId} AND l.state IN ('RESERVED', 'VALID') AND NOT EXISTS (
      SELECT 1 FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id)
    UNION ALL
    SELECT 'an installed app stands on a license of another pair: ' || i.device_id FROM installation i JOIN license l USING (license_id)
    WHERE i.account_id = ${accountId} AND (l.device_id, l.app_id, l.account_id) IS DISTINCT FROM (i.device_id, i.app_id, i.account_id)`.execute(
    db,
  )
  return rows.map(({ error }) => error)
}
