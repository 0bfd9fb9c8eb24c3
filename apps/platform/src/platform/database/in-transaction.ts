import type { Database, DatabaseTransaction } from './database.ts'
import { isTransient } from './database.ts'

/** Runs in the transaction at hand, or in one of its own; a deadlock or serialization failure of the latter is run again. */
export async function inTransaction<Result>(
  db: Database,
  run: (transaction: DatabaseTransaction) => Promise<Result>,
): Promise<Result> {
  if (db.isTransaction) return await run(db as DatabaseTransaction)
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(run)
    } catch (error) {
      if (!isTransient(error) || attempt === 5) throw error
    }
  }
}
