import type { Device } from '@ocelli/contract'

interface Known {
  detail: string | null
  gatewayConnected: boolean | null
  gatewayLastMessageAt: string | null
  cameraLastAnswerAt: string | null
}

const reasons: Record<NonNullable<Device['connectivityReason']>, string> = {
  'gateway-away': 'Its gateway is not connected: look at the gateway’s machine and its network.',
  unreachable: 'The camera gives its gateway no answer that can be used: check its power, cable and address.',
  'credentials-refused': 'The camera refuses the stored password: give the gateway the right one.',
  'needs-first-password': 'The camera has no password yet: set its first administrator.',
  'certificate-changed': 'The camera shows another certificate than at the claim: accept the new one if you know why.',
  'identity-changed': 'Another camera answers at this address: nothing is written to it until that is settled.',
  'identity-conflict': 'Two addresses report this identity: nothing is written to either until that is settled.',
}

/** One sentence or two: what is known of the connection, since when, and what to do. */
export function explainConnectivity(
  device: Pick<Device, 'connectivity' | 'connectivityReason' | 'state'>,
  known: Known,
): string {
  const since = known.cameraLastAnswerAt ? ` The camera answered last at ${known.cameraLastAnswerAt}.` : ''
  if (device.state === 'UNCLAIMED') return 'The device was never claimed, or no longer is: no gateway looks after it.'
  if (device.connectivityReason) {
    return `${reasons[device.connectivityReason]}${known.detail ? ` ${known.detail}` : ''}${since}`
  }
  switch (device.connectivity) {
    case 'ONLINE':
      return `The camera answers its gateway, which tells at once when it no longer does.${since}`
    case 'OFFLINE':
      return `The camera does not answer its gateway.${since}`
    case 'UNKNOWN':
      return `The gateway has not told yet whether the camera answers.${known.gatewayLastMessageAt ? ` The gateway was heard of last at ${known.gatewayLastMessageAt}.` : ''}`
    case 'NOT_CONNECTED':
      return 'No gateway looks after this device: it is air-gapped or not claimed.'
  }
}
