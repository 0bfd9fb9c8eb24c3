import type { AppStore } from '../apps/app-store.ts'
import { paths } from '../device/device-info.ts'
import { eventCapabilities } from '../device/services.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { FaultSet, Faults } from '../faults.ts'
import type { Operation, OperationContext, SoapService } from '../soap/operation.ts'
import { baseFault, type SoapFault, faults as soapFaults } from '../soap/soap-fault.ts'
import { namespaces, simulator } from '../xml/namespaces.ts'
import { childNamed, childText, type XmlElement } from '../xml/reader.ts'
import { formatDateTime, parseDateTimeMs, parseDurationMs } from '../xml/time-values.ts'
import { type Xml, xml } from '../xml/writer.ts'
import type { EventHub } from './event-hub.ts'
import { initialChange, writeEventProperties, writeNotification } from './messages.ts'
import type { Subscription } from './subscription.ts'
import { matchTopic } from './topic-filter.ts'

export interface EventServiceOptions {
  hub: EventHub
  store: AppStore
  clock: DeviceClock
  faults: FaultSet
}

const defaultLifeMs = 60_000
const longestLifeMs = 3_600_000
const longestPullMs = 120_000
const mostMessages = 100

const portTypes: Readonly<Record<string, string>> = {
  PullMessages: `${namespaces.tev}/PullPointSubscription/`,
  SetSynchronizationPoint: `${namespaces.tev}/PullPointSubscription/`,
  Renew: 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/',
  Unsubscribe: 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/',
}

const replyAction = (name: string) => `${portTypes[name] ?? `${namespaces.tev}/EventPortType/`}${name}Response`

/** The event service, and the pull points that it makes. */
export function createEventServices(options: EventServiceOptions): { events: SoapService; subscription: SoapService } {
  const shared = {
    namespaces: [namespaces.tev, namespaces.wsnt],
    childNamespace: (wrapper: XmlElement) => wrapper.namespace,
    replyAction,
  }
  const subscriptionPart = subscriptionOperations(options)
  return {
    // Pull points that are told apart by reference parameters share this address.
    events: { ...shared, operations: { ...subscriptionPart, ...portOperations(options) } },
    subscription: { ...shared, operations: subscriptionPart },
  }
}

type Operations = Readonly<Record<string, Operation>>

function portOperations({ hub, store, clock, faults }: EventServiceOptions): Operations {
  const refuse = (name: string, reason: string) => baseFault(name, reason, formatDateTime(clock.nowMs()))

  function createPullPoint({ body, baseUrl }: OperationContext): Xml {
    const fault = faults.get('pullPoint')
    if (fault === 'refused') throw soapFaults.notSupported(body.name)
    checkFilter(childNamed(body, 'Filter'), refuse)
    const asked = childText(body, 'InitialTerminationTime')
    const lifeMs = readLife(asked, clock.nowMs())
    if (lifeMs === null) {
      throw refuse('wsnt:UnacceptableInitialTerminationTimeFault', `${asked} is no time in the future.`)
    }
    const subscription = hub.subscribe({ lifeMs, initial: store.all().map(initialChange) })
    if (subscription === null) throw refuse('wsnt:SubscribeCreationFailedFault', 'There are too many pull points.')
    return xml`
      <tev:CreatePullPointSubscriptionResponse>
        <tev:SubscriptionReference>${writeReference(subscription.id, { baseUrl, fault })}</tev:SubscriptionReference>
        ${writeTimes(clock, subscription)}
      </tev:CreatePullPointSubscriptionResponse>`
  }

  return {
    GetServiceCapabilities: {
      access: 'PRE_AUTH',
      children: [],
      run: () => xml`
        <tev:GetServiceCapabilitiesResponse>${eventCapabilities}</tev:GetServiceCapabilitiesResponse>`,
    },
    GetEventProperties: { access: 'READ_MEDIA', children: [], run: writeEventProperties },
    CreatePullPointSubscription: { access: 'READ_MEDIA', children: null, run: createPullPoint },
  }
}

function subscriptionOperations({ hub, store, clock }: EventServiceOptions): Operations {
  const refuse = (name: string, reason: string) => baseFault(name, reason, formatDateTime(clock.nowMs()))

  function subscriptionAt({ path, subscriptionId }: OperationContext): Subscription {
    const subscription = hub.find(subscriptionId ?? path.slice(paths.subscription.length))
    if (subscription === undefined) throw refuse('wsrfr:ResourceUnknownFault', 'There is no such subscription.')
    return subscription
  }

  async function pull(context: OperationContext): Promise<Xml> {
    const { body, signal } = context
    const subscription = subscriptionAt(context)
    const timeoutMs = parseDurationMs(childText(body, 'Timeout') ?? '')
    const limit = Number(childText(body, 'MessageLimit') ?? Number.NaN)
    if (timeoutMs === null) throw soapFaults.invalidArgs('PullMessages needs Timeout, a duration.')
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw soapFaults.invalidArgs('PullMessages needs MessageLimit, at least 1.')
    const changes = await subscription.pull({
      timeoutMs: Math.min(timeoutMs, longestPullMs),
      limit: Math.min(limit, mostMessages),
      signal,
    })
    return xml`
      <tev:PullMessagesResponse>
        <tev:CurrentTime>${formatDateTime(clock.nowMs())}</tev:CurrentTime>
        <tev:TerminationTime>${formatDateTime(subscription.expiresMs())}</tev:TerminationTime>
        ${changes.map(writeNotification)}
      </tev:PullMessagesResponse>`
  }

  function renew(context: OperationContext): Xml {
    const subscription = subscriptionAt(context)
    const asked = childText(context.body, 'TerminationTime')
    const lifeMs = readLife(asked, clock.nowMs())
    if (lifeMs === null) throw refuse('wsnt:UnacceptableTerminationTimeFault', `${asked} is no time in the future.`)
    subscription.renew(lifeMs)
    // bw-2 has the two the other way round than CreatePullPointSubscription.
    return xml`
      <wsnt:RenewResponse>
        <wsnt:TerminationTime>${formatDateTime(subscription.expiresMs())}</wsnt:TerminationTime>
        <wsnt:CurrentTime>${formatDateTime(clock.nowMs())}</wsnt:CurrentTime>
      </wsnt:RenewResponse>`
  }

  return {
    PullMessages: { access: 'READ_MEDIA', children: ['Timeout', 'MessageLimit'], run: pull },
    Renew: { access: 'READ_MEDIA', children: ['TerminationTime'], run: renew },
    SetSynchronizationPoint: {
      access: 'READ_MEDIA',
      children: [],
      run(context) {
        const subscription = subscriptionAt(context)
        for (const app of store.all()) subscription.push(initialChange(app))
        return xml`<tev:SetSynchronizationPointResponse/>`
      },
    },
    Unsubscribe: {
      access: 'READ_MEDIA',
      children: [],
      run(context) {
        subscriptionAt(context).end()
        return xml`<wsnt:UnsubscribeResponse/>`
      },
    },
  }
}

/** The pull point's wsa:EndpointReference, as it should be or as a fault wants it. */
function writeReference(
  id: string,
  { baseUrl, fault }: { baseUrl: string; fault: Faults['pullPoint'] | undefined },
): Xml {
  switch (fault) {
    case 'empty':
      return xml`<wsa:Address></wsa:Address>`
    case 'hostless':
      return xml`<wsa:Address>${paths.subscription}${id}</wsa:Address>`
    case 'reference-parameters':
      return xml`
        <wsa:Address>${baseUrl}${paths.events}</wsa:Address>
        <wsa:ReferenceParameters><sim:SubscriptionId xmlns:sim="${simulator}">${id}</sim:SubscriptionId></wsa:ReferenceParameters>`
    default:
      return xml`<wsa:Address>${baseUrl}${paths.subscription}${id}</wsa:Address>`
  }
}

function writeTimes(clock: DeviceClock, subscription: Subscription): Xml {
  return xml`
    <wsnt:CurrentTime>${formatDateTime(clock.nowMs())}</wsnt:CurrentTime>
    <wsnt:TerminationTime>${formatDateTime(subscription.expiresMs())}</wsnt:TerminationTime>`
}

/** Milliseconds of a wsnt:AbsoluteOrRelativeTimeType, bounded; null when it is none or not in the future. */
function readLife(text: string | undefined, nowMs: number): number | null {
  if (text === undefined || text.trim() === '') return defaultLifeMs
  const atMs = parseDateTimeMs(text)
  const lifeMs = parseDurationMs(text) ?? (atMs === null ? 0 : atMs - nowMs)
  return lifeMs > 0 ? Math.min(lifeMs, longestLifeMs) : null
}

/** Throws the fault of WS-Notification for filters that select nothing of what this camera tells. */
function checkFilter(filter: XmlElement | undefined, refuse: (name: string, reason: string) => SoapFault): void {
  for (const part of filter?.children ?? []) {
    if (part.name !== 'TopicExpression') {
      throw refuse('wsnt:InvalidFilterFault', `Filters by ${part.name} are not supported.`)
    }
    switch (matchTopic(part)) {
      case 'selected':
        break
      case 'not-selected':
        throw refuse('wsnt:TopicNotSupportedFault', `There is no topic ${part.text.trim()}.`)
      case 'bad-dialect':
        throw refuse('wsnt:TopicExpressionDialectUnknownFault', 'That dialect of topic expressions is not known.')
      case 'bad-expression':
        throw refuse('wsnt:InvalidTopicExpressionFault', `${part.text.trim()} is no topic expression.`)
    }
  }
}
