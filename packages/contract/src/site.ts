import { type Static, Type } from 'typebox'
import { DayWindow } from './day-window.ts'
import { nullable, oneOf, Timestamp, Uuid } from './schema.ts'

const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)'
const ipv4 = `${octet}\\.${octet}\\.${octet}\\.${octet}`

/** `192.0.2.7`, `192.0.2.0/24` (/16 at most), `192.0.2.10-192.0.2.40`; `2001:db8::/120` (/112 at most). */
export const AddressRange = Type.String({
  maxLength: 100,
  pattern: `^(${ipv4}(/(1[6-9]|2\\d|3[0-2])|-${ipv4})?|(?=[^/]*:)[0-9A-Fa-f:]{2,39}(/(11[2-9]|12[0-8]))?)$`,
  description: 'an address, a network (/16 or smaller, IPv6 /112 or smaller), or two IPv4 addresses with a hyphen',
  examples: ['192.168.1.0/24', '192.168.1.10-192.168.1.40'],
})

const BytesPerSecond = Type.Integer({ minimum: 20_000, maximum: 100_000_000_000 })

/** Another budget in some hours of the week, by the site's own clock. The first that holds counts. */
export const SiteBudgetHours = Type.Object(
  {
    ...DayWindow.properties,
    maxInFlight: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 1000 }))),
    downloadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    uploadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
  },
  { additionalProperties: false },
)
export type SiteBudgetHours = Static<typeof SiteBudgetHours>

export const Site = Type.Object(
  {
    siteId: Uuid,
    name: Type.String(),
    timeZone: Type.String(),
    maxInFlight: Type.Integer({ description: 'Cameras that may be worked on at the same time.' }),
    downloadBytesPerSecond: nullable(
      Type.Integer({ description: 'Of packages, by all gateways of the site together; null: as fast as it goes.' }),
    ),
    uploadBytesPerSecond: nullable(
      Type.Integer({
        description: 'Of packages from the gateways to the cameras, together; null: as fast as it goes.',
      }),
    ),
    budgetHours: Type.Array(SiteBudgetHours),
    repair: oneOf(['request', 'auto']),
    addressRanges: Type.Array(Type.String(), { description: 'Where a camera that no longer answers is looked for.' }),
    createdAt: Timestamp,
  },
  { $id: 'Site' },
)
export type Site = Static<typeof Site>

export const SiteBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    timeZone: Type.Optional(Type.String({ maxLength: 100, description: 'IANA name, default UTC' })),
    maxInFlight: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    downloadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    uploadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    budgetHours: Type.Optional(Type.Array(SiteBudgetHours, { maxItems: 20 })),
    repair: Type.Optional(oneOf(['request', 'auto'])),
    addressRanges: Type.Optional(
      Type.Array(AddressRange, {
        maxItems: 16,
        uniqueItems: true,
        description: 'Where a camera that no longer answers is looked for, beside the gateway’s local networks.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type SiteBody = Static<typeof SiteBody>

export const SitePatch = Type.Partial(SiteBody, { additionalProperties: false, minProperties: 1 })
export type SitePatch = Static<typeof SitePatch>
