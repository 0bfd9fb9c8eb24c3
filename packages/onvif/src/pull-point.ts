import { randomUUID } from 'node:crypto'
import { requestTarget } from './camera-address.ts'
import type { CameraSession } from './camera-session.ts'
import { NAMESPACE } from './namespaces.ts'
import { OnvifError } from './onvif-error.ts'
import { type CallOptions, isMissingOperation } from './service-call.ts'
import {
  child,
  childrenNamed,
  childText,
  escapeXml,
  serializedLength,
  serializeXml,
  type XmlElement,
} from './xml-element.ts'

/** A subscription at the camera. Messages wait at the camera between pulls, so a pull may come minutes after an event. */
export type PullPoint = {
  /** Messages, at most one answer's worth; an empty list when none came within `waitMs`. Keeps the subscription alive. */
  pull(options: CallOptions & { waitMs: number }): Promise<XmlElement[]>
  /** Ends the subscription at the camera; a camera that no longer has it is fine. */
  close(options?: CallOptions): Promise<void>
}

export type PullPointInput = CallOptions & {
  session: CameraSession
  /** Request target of the event service. */
  target: string
  /** A ConcreteSet topic expression, with `tns1` for the ONVIF topics. */
  topic: string
  /** How long the camera shall keep the subscription when nobody pulls. */
  lifetimeMs: number
}

const ACTION = {
  create: `${NAMESPACE.events}/EventPortType/CreatePullPointSubscriptionRequest`,
  pull: `${NAMESPACE.events}/PullPointSubscription/PullMessagesRequest`,
  renew: 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest',
  unsubscribe: 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest',
} as const

const CONCRETE_SET = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet'

/** Throws `events-unsupported` when the camera gives no subscription, in whatever way it says so. */
export async function createPullPoint(input: PullPointInput): Promise<PullPoint> {
  const { session, target, signal } = input
  const reference = await subscribe(input)
  const place = {
    session,
    // Empty and hostless addresses mean the event service itself, or a path at it; hosts are replaced as everywhere.
    target: requestTarget(reference.address, target),
    to: reference.address === '' ? `${session.address.origin}${target}` : reference.address,
    parameters: reference.parameters,
    signal,
  }
  let renewBefore = performance.now() + input.lifetimeMs / 2
  let canRenew = true

  async function renewInTime(options: CallOptions): Promise<void> {
    if (!canRenew || performance.now() < renewBefore) return
    const duration = `PT${Math.ceil(input.lifetimeMs / 1000)}S`
    const body = `<wsnt:Renew xmlns:wsnt="${NAMESPACE.notification}"><wsnt:TerminationTime>${duration}</wsnt:TerminationTime></wsnt:Renew>`
    try {
      await callPullPoint(place, { action: ACTION.renew, body, waitMs: 0, ...options })
    } catch (error) {
      // Pulling alone keeps a subscription alive (Core, 9.3.2); a camera without Renew is left to that.
      if (!isMissingOperation(error)) throw error
      canRenew = false
    }
    renewBefore = performance.now() + input.lifetimeMs / 2
  }

  return {
    async pull({ waitMs, signal: pullSignal }) {
      await renewInTime({ signal: pullSignal })
      const body =
        `<tev:PullMessages xmlns:tev="${NAMESPACE.events}"><tev:Timeout>PT${Math.ceil(waitMs / 1000)}S</tev:Timeout>` +
        '<tev:MessageLimit>100</tev:MessageLimit></tev:PullMessages>'
      const response = await callPullPoint(place, { action: ACTION.pull, body, waitMs, signal: pullSignal })
      return childrenNamed(response, 'NotificationMessage')
    },
    async close(options = {}) {
      const body = `<wsnt:Unsubscribe xmlns:wsnt="${NAMESPACE.notification}"/>`
      try {
        await callPullPoint(place, { action: ACTION.unsubscribe, body, waitMs: 0, ...options })
      } catch (error) {
        if (!isMissingOperation(error)) throw error
      }
    },
  }
}

// An id in an element or two; every request repeats them.
const MAX_REFERENCE_LENGTH = 16 * 1024

type SubscriptionReference = { address: string; parameters: XmlElement[] }

// Cameras refuse topic filters and termination times that others demand: the plainest subscription is the last attempt.
async function subscribe(input: PullPointInput): Promise<SubscriptionReference> {
  const lifetime = `<tev:InitialTerminationTime>PT${Math.ceil(input.lifetimeMs / 1000)}S</tev:InitialTerminationTime>`
  const filter =
    `<tev:Filter><wsnt:TopicExpression xmlns:wsnt="${NAMESPACE.notification}" xmlns:tns1="${NAMESPACE.topics}" ` +
    `Dialect="${CONCRETE_SET}">${escapeXml(input.topic)}</wsnt:TopicExpression></tev:Filter>`
  let refusal: unknown
  for (const children of [filter + lifetime, lifetime, '']) {
    try {
      return await subscribeWith(children, input)
    } catch (error) {
      if (!isMissingOperation(error)) throw error
      refusal = error
    }
  }
  throw new OnvifError('events-unsupported', 'The camera gives no subscription to its events.', { cause: refusal })
}

async function subscribeWith(children: string, input: PullPointInput): Promise<SubscriptionReference> {
  const { session, target, signal } = input
  const tag = 'tev:CreatePullPointSubscription'
  const response = await callPullPoint(
    { session, target, to: `${session.address.origin}${target}`, parameters: [] },
    { action: ACTION.create, body: `<${tag} xmlns:tev="${NAMESPACE.events}">${children}</${tag}>`, waitMs: 0, signal },
  )
  const reference = child(response, 'SubscriptionReference')
  const address = childText(reference, 'Address') ?? ''
  const parameters = child(reference, 'ReferenceParameters')?.children ?? []
  const length = parameters.reduce((sum, each) => sum + serializedLength(each), address.length)
  if (length > MAX_REFERENCE_LENGTH) {
    throw new OnvifError('events-unsupported', `The camera gives its subscription a name of ${length} characters.`)
  }
  return { address, parameters }
}

type PullPointPlace = { session: CameraSession; target: string; to: string; parameters: XmlElement[] }
type PullPointCall = CallOptions & { action: string; body: string; waitMs: number }

function callPullPoint(place: PullPointPlace, { action, body, waitMs, signal }: PullPointCall): Promise<XmlElement> {
  const wsa = ` xmlns:wsa="${NAMESPACE.addressing}"`
  const parameters = place.parameters.map((each) => serializeXml(each, `${wsa} wsa:IsReferenceParameter="true"`))
  return place.session.call({
    target: place.target,
    action,
    headers:
      `<wsa:Action${wsa}>${action}</wsa:Action><wsa:MessageID${wsa}>urn:uuid:${randomUUID()}</wsa:MessageID>` +
      `<wsa:ReplyTo${wsa}><wsa:Address>${NAMESPACE.addressing}/anonymous</wsa:Address></wsa:ReplyTo>` +
      `<wsa:To${wsa}>${escapeXml(place.to)}</wsa:To>${parameters.join('')}`,
    body,
    access: 'login',
    isIdempotent: false,
    // The camera may hold a pull for the whole wait in silence.
    ...(waitMs === 0 ? {} : { timeouts: { idleTimeoutMs: waitMs + 15_000, totalTimeoutMs: waitMs + 30_000 } }),
    signal,
  })
}
