import type {
  Account,
  AccountAdministration,
  AccountPatch,
  CreatedAccount,
  Me,
  NewAccount,
  RecoveryKey,
  SealingJwk,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const one = '/account/v1/accounts/{accountId}'

/** The own account. */
export const accountMethods = (api: Api) => ({
  /** Who the credentials stand for, and what that one may do. */
  me: api.route(
    'GET /account/v1/me',
    (send) =>
      (options?: CallOptions): Promise<Me> =>
        send.json({}, options),
  ),
  get: api.route(
    'GET /account/v1/account',
    (send) =>
      (options?: CallOptions): Promise<Account> =>
        send.json({}, options),
  ),
  change: api.route(
    'PATCH /account/v1/account',
    (send) =>
      (patch: AccountPatch, options?: CallOptions): Promise<Account> =>
        send.json({ json: patch }, options),
  ),
  /** The public key that passwords of cameras are sealed to as well. */
  recoveryKey: api.route(
    'GET /account/v1/recovery-key',
    (send) =>
      (options?: CallOptions): Promise<RecoveryKey> =>
        send.json({}, options),
  ),
  /** Null takes it away. The private key stays with the caller. */
  setRecoveryKey: api.route(
    'PUT /account/v1/recovery-key',
    (send) =>
      (publicKey: SealingJwk | null, options?: CallOptions): Promise<RecoveryKey> =>
        send.json({ json: { publicKey } }, options),
  ),
})

/** All accounts of the installation; needs `platform:operate`. */
export const accountsMethods = (api: Api) => ({
  list: api.route(
    'GET /account/v1/accounts',
    (send) =>
      (options?: CallOptions): Promise<Account[]> =>
        send.list({}, options),
  ),
  /** The answer holds the link for the first administrator, shown once. */
  create: api.route(
    'POST /account/v1/accounts',
    (send) =>
      (account: NewAccount, options?: CallOptions): Promise<CreatedAccount> =>
        send.json({ json: account }, options),
    { ignoresKey: true },
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (accountId: string, options?: CallOptions): Promise<Account> =>
        send.json({ params: { accountId } }, options),
  ),
  /** Renames, suspends or resumes. */
  change: api.route(
    `PATCH ${one}`,
    (send) =>
      (accountId: string, patch: AccountAdministration, options?: CallOptions): Promise<Account> =>
        send.json({ params: { accountId }, json: patch }, options),
  ),
})
