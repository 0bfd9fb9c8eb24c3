import { createAuthorizer } from './auth/authorizer.ts'
import type { Credentials } from './auth/credentials.ts'
import { type Batch, createBatch } from './batch/batch.ts'
import { type Clock, systemClock } from './clock.ts'
import { createApi } from './http/api.ts'
import { type Attempt, createEngine } from './http/engine.ts'
import { toBaseUrl } from './http/request-url.ts'
import { type RetryPolicy, toRetryPolicy } from './http/retry-policy.ts'
import { accountMethods, accountsMethods } from './resources/accounts.ts'
import { appMethods } from './resources/apps.ts'
import { authMethods } from './resources/auth.ts'
import { bundleMethods, receiptMethods, signingKeyMethods } from './resources/bundles.ts'
import { deviceMethods } from './resources/devices.ts'
import { eventMethods } from './resources/events.ts'
import { claimMethods, gatewayMethods } from './resources/gateways.ts'
import { grantMethods, makerKeyMethods } from './resources/grants.ts'
import { installationMethods } from './resources/installations.ts'
import { licenseMethods, licenseQuantityMethods } from './resources/licenses.ts'
import { accessTokenMethods, technicalUserMethods } from './resources/machine-access.ts'
import { orderMethods } from './resources/orders.ts'
import { invitationMethods, userMethods } from './resources/people.ts'
import { projectMethods } from './resources/projects.ts'
import { rolloutMethods } from './resources/rollouts.ts'
import { siteMethods } from './resources/sites.ts'
import { systemMethods } from './resources/system.ts'
import { transferMethods } from './resources/transfers.ts'

export interface ClientOptions {
  /** Where the platform is, such as `https://ocelli.example.com`. */
  baseUrl: string
  credentials: Credentials
  retry?: Partial<RetryPolicy>
  /** Ends every call of this client. */
  signal?: AbortSignal
  /** Told of every sending, after it. What it throws, the call throws. */
  onAttempt?: (attempt: Attempt) => void
  /** Bound of an answer that is taken as a whole; 32 MiB by default. */
  maxAnswerBytes?: number
  /** Not in browsers, which send their own. */
  userAgent?: string
  fetch?: typeof fetch
  clock?: Clock
  /** From 0 to below 1; spreads the waits. */
  random?: () => number
}

/** The routes of the platform by noun. Named, so that what is said of each method stays with it. */
export interface Client {
  auth: ReturnType<typeof authMethods>
  account: ReturnType<typeof accountMethods>
  accounts: ReturnType<typeof accountsMethods>
  users: ReturnType<typeof userMethods>
  invitations: ReturnType<typeof invitationMethods>
  technicalUsers: ReturnType<typeof technicalUserMethods>
  accessTokens: ReturnType<typeof accessTokenMethods>
  projects: ReturnType<typeof projectMethods>
  devices: ReturnType<typeof deviceMethods>
  sites: ReturnType<typeof siteMethods>
  gateways: ReturnType<typeof gatewayMethods>
  claims: ReturnType<typeof claimMethods>
  transfers: ReturnType<typeof transferMethods>
  apps: ReturnType<typeof appMethods>
  installations: ReturnType<typeof installationMethods>
  licenses: ReturnType<typeof licenseMethods>
  licenseQuantities: ReturnType<typeof licenseQuantityMethods>
  orders: ReturnType<typeof orderMethods>
  rollouts: ReturnType<typeof rolloutMethods>
  grants: ReturnType<typeof grantMethods>
  makerKeys: ReturnType<typeof makerKeyMethods>
  bundles: ReturnType<typeof bundleMethods>
  receipts: ReturnType<typeof receiptMethods>
  signingKeys: ReturnType<typeof signingKeyMethods>
  events: ReturnType<typeof eventMethods>
  system: ReturnType<typeof systemMethods>
  /** Runs one action on many devices, a few at a time, and gives what came of each. */
  batch: Batch
}

/** A client of one platform, under one identity. Keeps nothing open: there is nothing to close. Throws `invalid-options`. */
export function createClient(options: ClientOptions): Client {
  const { clock = systemClock, random = Math.random, onAttempt = () => {}, maxAnswerBytes = 32 * 1024 * 1024 } = options
  const baseUrl = toBaseUrl(options.baseUrl)
  const engine = createEngine({
    // looked up at each call, so that a page or a test may replace it later
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    ...{ clock, random, onAttempt },
  })
  const shared = { engine, baseUrl, policy: toRetryPolicy(options.retry), maxAnswerBytes, userAgent: options.userAgent }
  const fetchToken = async () => {
    const { credentials } = options
    if (credentials.kind !== 'client-credentials') throw new Error('Only client credentials are exchanged for tokens.')
    const { access_token: token, expires_in: seconds } = await authMethods(openApi).token(
      { grant_type: 'client_credentials', client_id: credentials.clientId, client_secret: credentials.clientSecret },
      { signal: options.signal },
    )
    return { token, lifetimeMs: seconds * 1000 }
  }
  const makeAuthorizer = (credentials: Credentials) => createAuthorizer(credentials, { fetchToken, clock, baseUrl })
  const nobody = makeAuthorizer({ kind: 'none' })
  const openApi = createApi({ ...shared, authorizer: nobody, nobody })
  const api = createApi({ ...shared, authorizer: makeAuthorizer(options.credentials), nobody, signal: options.signal })
  return {
    auth: authMethods(api),
    account: accountMethods(api),
    accounts: accountsMethods(api),
    users: userMethods(api),
    invitations: invitationMethods(api),
    technicalUsers: technicalUserMethods(api),
    accessTokens: accessTokenMethods(api),
    projects: projectMethods(api),
    devices: deviceMethods(api),
    rollouts: rolloutMethods(api),
    grants: grantMethods(api),
    makerKeys: makerKeyMethods(api),
    bundles: bundleMethods(api),
    receipts: receiptMethods(api),
    signingKeys: signingKeyMethods(api),
    sites: siteMethods(api),
    gateways: gatewayMethods(api),
    claims: claimMethods(api),
    transfers: transferMethods(api),
    apps: appMethods(api),
    installations: installationMethods(api),
    licenses: licenseMethods(api),
    licenseQuantities: licenseQuantityMethods(api),
    orders: orderMethods(api),
    events: eventMethods(api),
    system: systemMethods(api),
    batch: createBatch(api),
  }
}
