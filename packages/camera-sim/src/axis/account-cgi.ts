import type { PasswordChanges } from '../auth/password-change.ts'
import type { AxisGroup, AxisUser } from './axis-options.ts'
import type { Cgi, CgiRequest } from './cgi.ts'

export interface AccountCgiOptions {
  users: AxisUser[]
  needsSetup: () => boolean
  /** The first user may have any name. */
  anyFirstName: boolean
  passwords: PasswordChanges
  /** Called when a password counts later than its request. */
  onChange: () => void
}

const page = (status: number, text: string) => ({ status, type: 'text/html', body: `${text}\n` })

/**
 * pwdgrp.cgi makes, changes and removes users. On a camera that needs setup, adding an administrator asks for no login,
 * once; before AXIS OS 11.5 that one is called root.
 */
export function createAccountCgi(options: AccountCgiOptions): Cgi {
  const { users, needsSetup, anyFirstName, passwords } = options

  function add({ query, isAdministrator }: CgiRequest) {
    const group = groupOf(query)
    if (needsSetup()) {
      if (group !== 'administrator') return page(400, 'Error: The first account must be an administrator.')
    } else if (!isAdministrator) {
      return null
    }
    const [user, password] = [query.get('user') ?? '', query.get('pwd') ?? '']
    if (needsSetup() && !anyFirstName && user !== 'root') return page(400, 'Error: The first account must be root.')
    if (!/^[A-Za-z0-9]{1,14}$/.test(user) || password === '' || password.length > 64) {
      return page(400, 'Error: Bad user name or password.')
    }
    if (users.some((one) => one.user === user)) return page(400, `Error: account ${user} already exists.`)
    users.push({ user, password, group })
    return page(200, `Created account ${user}.`)
  }

  /** Documented with HTTP 200 for errors too, and without the reason, which goes to the system log. */
  function update(found: AxisUser, query: URLSearchParams) {
    const password = query.get('pwd')
    if (password !== null) {
      if (passwords.judge({ user: found.user, password }) !== null) {
        return page(200, 'Error: consult the system log file.')
      }
      passwords.take(() => {
        found.password = password
        options.onChange()
      })
    }
    return page(200, `Modified account ${found.user}.`)
  }

  return {
    operation: 'pwdgrp',
    needs: null,
    isWrite: (query) => query.get('action') !== 'get',
    run(request) {
      const { query, isAdministrator } = request
      const action = query.get('action')
      if (action === 'add') return add(request)
      if (!isAdministrator) return null
      const index = users.findIndex((one) => one.user === query.get('user'))
      const found = users[index]
      switch (action) {
        case 'get':
          return { status: 200, type: 'text/plain', body: listGroups(users) }
        case 'update':
          if (found === undefined) return page(400, 'Error: no such account.')
          return update(found, query)
        case 'remove':
          if (found === undefined) return page(400, 'Error: no such account.')
          users.splice(index, 1)
          return page(200, `Removed account ${found.user}.`)
        default:
          return page(400, 'Error: bad action.')
      }
    },
  }
}

function groupOf(query: URLSearchParams): AxisGroup {
  const groups = (query.get('sgrp') ?? '').split(':')
  if (groups.includes('admin')) return 'administrator'
  return groups.includes('operator') ? 'operator' : 'viewer'
}

function listGroups(users: readonly AxisUser[]): string {
  const names = (...groups: AxisGroup[]) => users.filter(({ group }) => groups.includes(group)).map(({ user }) => user)
  const lines = {
    admin: names('administrator'),
    operator: names('administrator', 'operator'),
    viewer: names('administrator', 'operator', 'viewer'),
    ptz: [],
  }
  return Object.entries(lines)
    .map(([group, list]) => `${group}="${list.join(',')}"\n`)
    .join('')
}
