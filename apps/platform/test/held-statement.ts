import { sql } from 'kysely'
import { vi } from 'vitest'
import type { Database } from '../src/platform/database/database.ts'

const gateNumber = 4711

/**
 * Lets a test do something while a statement of the platform is under way: whatever reads or locks `device` by a statement
 * that holds `marked` waits before the first row, with its snapshot taken. A view in place of the table does it.
 */
export async function installGate(db: Database): Promise<void> {
  for (const statement of [
    'CREATE TABLE gate (marked text)',
    `CREATE FUNCTION passes_gate() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN
       IF EXISTS (SELECT 1 FROM gate WHERE position(marked IN current_query()) > 0) THEN PERFORM pg_advisory_xact_lock_shared(${gateNumber}); END IF;
       RETURN true; END $$`,
    'ALTER TABLE device RENAME TO device_behind_gate',
    'CREATE VIEW device AS SELECT * FROM device_behind_gate WHERE passes_gate()',
  ]) {
    await sql.raw(statement).execute(db)
  }
}

/** Runs `work`, and `meanwhile` once a statement of it that holds `marked` waits; what `work` gives comes after both. */
export async function whileHeld<Result>(
  db: Database,
  { marked, work, meanwhile }: { marked: string; work: () => Promise<Result>; meanwhile: () => Promise<unknown> },
): Promise<Result> {
  await sql`INSERT INTO gate (marked) VALUES (${marked})`.execute(db)
  const { result } = await db.transaction().execute(async (gate) => {
    await sql`SELECT pg_advisory_xact_lock(${sql.lit(gateNumber)})`.execute(gate)
    const result = work()
    await vi.waitFor(
      async () => {
        const { rows } = await sql`SELECT 1 FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`.execute(db)
        if (rows.length === 0) throw new Error('Nobody waits at the gate.')
      },
      { timeout: 30_000 },
    )
    await sql`DELETE FROM gate`.execute(db)
    await meanwhile()
    return { result }
  })
  return await result
}
