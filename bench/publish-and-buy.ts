import type { PlatformProcess } from './platform-process.ts'

/** An app of one small package, and a confirmed order of its publisher's own account for it, written by SQL. */
export async function publishAndBuy(
  { pool }: PlatformProcess,
  { appId, accountId, units }: { appId: string; accountId: string; units: number },
): Promise<void> {
  await pool.query(
    `INSERT INTO app (app_id, account_id, name, signer_sha256) VALUES ($1, $2, 'Bench', repeat('0', 64))`,
    [appId, accountId],
  )
  await pool.query(`INSERT INTO app_version (app_id, version_code, version) VALUES ($1, 1, '1.0')`, [appId])
  await pool.query(
    `INSERT INTO app_package (app_id, version_code, format, size, sha256) VALUES ($1, 1, 'apk', 1000, repeat('0', 64))`,
    [appId],
  )
  await pool.query(
    `INSERT INTO app_order (account_id, app_id, license_type, total, state, confirmed_at)
     VALUES ($1, $2, 'FULL', $3, 'CONFIRMED', now())`,
    [accountId, appId, units],
  )
}
