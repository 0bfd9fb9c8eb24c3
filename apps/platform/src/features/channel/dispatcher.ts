import type { DesiredDevice, DownMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../../platform/database/database.ts'
import { isFreshStamp } from '../../platform/database/fresh-stamp.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { createLookout, type Lookout } from '../../platform/lookout.ts'
import { createTrouble } from '../../platform/trouble.ts'

export type ReadDesired = (db: Database, devices: { accountId: string; deviceId: string }[]) => Promise<DesiredDevice[]>

/** `wake` hints that a wish has changed. */
export type Dispatcher = Pick<Lookout, 'start' | 'wake' | 'close'>

interface Due {
  accountId: string
  deviceId: string
  gatewayId: string
  session: number
}

const chunk = 500
const wakeAfterMs = 5
const lookEveryMs = 1000
const maxCharactersPerMessage = 200_000

/** Sends desired states until the gateways report them: at once, after 5 s, and then ever more rarely, up to 5 minutes. */
export function createDispatcher(options: {
  db: Database
  readDesired: ReadDesired
  publish: (gatewayId: string, message: DownMessage) => void
  /** What else goes down, on the same beat. */
  sendLogins: (db: Database, publish: (gatewayId: string, message: DownMessage) => void) => Promise<void>
  log: Logger
}): Dispatcher {
  const { db, readDesired, publish, log } = options
  const lookout = createLookout({
    ...{ look: sendDue, wakeAfterMs, lookEveryMs },
    trouble: createTrouble(log, 'sending of desired states'),
  })

  /**
   * What is due, as it stands at the moment that is stamped on it: a wish that came in between would be sent and would pass for
   * one that was not, which is taken back without a word to its gateway. So such a wish waits until it has been read.
   */
  async function claimAndRead(): Promise<{ due: Due[]; devices: DesiredDevice[] }> {
    return await inTransaction(db, async (transaction) => {
      const due = await claimDue(transaction)
      return { due, devices: await readDesired(transaction, due) }
    })
  }

  async function sendDue(): Promise<void> {
    for (let isFull = true; isFull && !lookout.isClosed; ) {
      const { due, devices } = await claimAndRead()
      // a device id may be in two accounts, but CLAIMED in one only, and only such are due
      const homes = new Map(due.map((one) => [one.deviceId, one]))
      for (const message of grouped(devices, homes)) {
        publish(message.gatewayId, { kind: 'desired', session: message.session, devices: message.devices })
      }
      isFull = due.length === chunk
    }
    if (!lookout.isClosed) await options.sendLogins(db, publish)
  }

  return lookout
}

/**
 * Claims, counts and stamps in one statement, so that of several processes one sends each device. Goes from the connected
 * gateways to their devices: wishes that wait for a gateway that is away cost nothing here, however many they are.
 */
async function claimDue(db: Database): Promise<Due[]> {
  const { rows } = await sql<Due>`
    WITH due AS (
      SELECT w.account_id, w.device_id, g.session, 1 AS one FROM gateway g CROSS JOIN LATERAL (
        SELECT c.account_id, c.device_id FROM device_channel c
        WHERE c.gateway_id = g.gateway_id AND c.revision <> c.reported_revision
          AND (c.sent_at IS NULL OR c.sent_revision <> c.revision OR c.sent_session <> g.session
            OR NOT ${isFreshStamp(sql.ref('c.sent_at'), sql`make_interval(secs => least(300, 5 * 2 ^ least(greatest(c.send_count - 1, 0), 10)))`)})
        LIMIT ${chunk} FOR UPDATE SKIP LOCKED) w
      WHERE g.connected AND g.revoked_at IS NULL
      LIMIT ${chunk})
    UPDATE device_channel c SET sent_at = now(), sent_revision = c.revision, sent_session = due.session,
      send_count = CASE WHEN c.sent_revision = c.revision AND c.sent_session = due.session THEN c.send_count + 1 ELSE 1 END
    FROM due WHERE c.account_id = due.account_id AND c.device_id = due.device_id
      -- always so, and why: see readSituations; a LIMIT counts as all that it lets through
      AND due.one = 1
    RETURNING c.account_id AS "accountId", c.device_id AS "deviceId", c.gateway_id AS "gatewayId", due.session`.execute(
    db,
  )
  return rows
}

/** One message per gateway, split where it would grow long: brokers limit a packet. */
function grouped(devices: DesiredDevice[], homes: Map<string, Due>) {
  const messages: { gatewayId: string; session: number; devices: DesiredDevice[] }[] = []
  const open = new Map<string, { characters: number; message: (typeof messages)[number] }>()
  for (const device of devices) {
    const home = homes.get(device.deviceId)
    if (!home) continue
    const characters = JSON.stringify(device).length
    const last = open.get(home.gatewayId)
    if (last && last.characters + characters <= maxCharactersPerMessage) {
      last.message.devices.push(device)
      last.characters += characters
      continue
    }
    const message = { gatewayId: home.gatewayId, session: home.session, devices: [device] }
    messages.push(message)
    open.set(home.gatewayId, { characters, message })
  }
  return messages
}
