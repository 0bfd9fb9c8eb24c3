import { Transfer, TransferRequest, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, ok, route } from '../../platform/http/route.ts'
import { acceptTransfer } from './accept-transfer.ts'
import { endTransfer, listTransfers, offerTransfer } from './transfer-service.ts'

const params = Type.Object({ transferId: Uuid })
const path = '/device/v1/transfers'
const tag = 'Transfers'

/** Devices that pass from one account to another: offered by one, accepted by the other. */
export function transferRoutes({
  unassigned,
}: {
  /** Tells the gateway that a device is no longer its own. */
  unassigned: (gatewayId: string, deviceId: string) => void
}): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path, access: 'devices:edit', tag, summary: 'Offer a device to another account' },
      description:
        'With withLicenses the units of its licenses pass too; without, 409 licenses-held while it holds any.',
      body: TransferRequest,
      responses: { 201: Transfer },
      handle: async ({ context, body }) => created(await offerTransfer(context, { withLicenses: false, ...body })),
    }),
    route({
      ...{ method: 'GET', path, access: 'devices:view', tag, summary: 'List offers made and received, newest first' },
      responses: { 200: Type.Array(Transfer) },
      handle: async ({ context }) => ok(await listTransfers(context)),
    }),
    route({
      ...{
        method: 'POST',
        path: `${path}/:transferId/accept`,
        access: 'devices:edit',
        tag,
        summary: 'Accept a device',
      },
      description: 'The device becomes an UNCLAIMED device of the account, until a gateway of the account claims it.',
      params,
      responses: { 200: Transfer },
      async handle({ context, params: { transferId } }) {
        const { transfer, gatewayId } = await acceptTransfer(context, transferId)
        if (gatewayId) context.afterCommit(() => unassigned(gatewayId, transfer.deviceId))
        return ok(transfer)
      },
    }),
    route({
      ...{
        method: 'POST',
        path: `${path}/:transferId/decline`,
        access: 'devices:edit',
        tag,
        summary: 'Decline a device',
      },
      params,
      responses: { 200: Transfer },
      handle: async ({ context, params }) => ok(await endTransfer(context, { ...params, state: 'DECLINED' })),
    }),
    route({
      ...{ method: 'DELETE', path: `${path}/:transferId`, access: 'devices:edit', tag, summary: 'Withdraw an offer' },
      params,
      responses: { 200: Transfer },
      handle: async ({ context, params }) => ok(await endTransfer(context, { ...params, state: 'WITHDRAWN' })),
    }),
  ]
}
