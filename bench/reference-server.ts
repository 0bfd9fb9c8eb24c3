import { createServer } from 'node:http'
import { Pool } from 'pg'
import { filteredModel } from './fleet.ts'

const size = 1000
const columns = `device_id AS "deviceId", state, name, manufacturer, model, serial_number AS "serialNumber",
  mac_address AS "macAddress", firmware_version AS "firmwareVersion", architecture, driver, app_formats AS "appFormats",
  address, site_id AS "siteId", gateway_id AS "gatewayId", project_ids AS "projectIds", customer, location, tags,
  connectivity, connectivity_reason AS "connectivityReason", last_seen_at AS "lastSeenAt",
  clock_offset_seconds AS "clockOffsetSeconds", apps_update_possible AS "appsUpdatePossible", claimed_at AS "claimedAt",
  updated_at AS "updatedAt"`
const where = 'WHERE account_id = $1 AND model = $2 ORDER BY device_id LIMIT $3'

/**
 * Nothing but node:http and pg: no login, no checks, no tenancy beyond the account. `/text` answers from the text that the
 * platform keeps with each row, the fastest that we know; `/columns` as one would write it, rows and JSON.stringify.
 * Tells its port to the parent, and ends with it.
 */
export async function serveReference(): Promise<void> {
  const pool = new Pool({ connectionString: process.env.REFERENCE_DATABASE, max: 10 })
  const values = [process.env.REFERENCE_ACCOUNT, filteredModel, size]
  const answerText = async () => {
    const text = `SELECT document FROM device ${where}`
    const { rows } = await pool.query<{ document: string }>({ name: 'text', text, values })
    return `{"items":[${rows.map(({ document }) => document).join(',')}]}`
  }
  const answerColumns = async () => {
    const { rows } = await pool.query({ name: 'columns', text: `SELECT ${columns} FROM device ${where}`, values })
    return JSON.stringify({ items: rows })
  }
  const server = createServer((request, response) => {
    const answer = request.url === '/text' ? answerText : answerColumns
    answer().then(
      (body) => {
        const length = Buffer.byteLength(body)
        response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': length })
        response.end(body)
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  // an idle connection must outlive the rounds of the other side
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
  process.once('disconnect', () => process.exit())
}
