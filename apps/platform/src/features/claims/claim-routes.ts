import { ClaimRequest, ClaimResult } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { claimDevices } from './claim-service.ts'

export function claimRoutes(): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/device/v1/claims', access: 'gateway', tag: 'Devices' },
      summary: 'Claim cameras that answered the calling gateway',
      description: 'Whoever claims a camera first has it. Claiming again changes nothing but refreshes its facts.',
      body: ClaimRequest,
      // 1000 cameras with long names
      bodyLimitBytes: 8 * 1024 * 1024,
      // asking again is harmless by itself, and a race is settled by trying again, which a surrounding transaction forbids
      idempotent: false,
      responses: { 200: Type.Object({ results: Type.Array(ClaimResult) }) },
      handle: async ({ context, body }) => ok({ results: await claimDevices(context, body.devices) }),
    }),
  ]
}
