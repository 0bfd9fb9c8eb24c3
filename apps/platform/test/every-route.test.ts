import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeOneOfEach, rowsOf } from './one-of-each.ts'
import { named, type Operation, readOperations } from './read-operations.ts'
import type { TestAccount, TestPlatform } from './test-platform.ts'
import { createWholePlatform } from './whole-platform.ts'

let platform: TestPlatform
let operations: Operation[]
beforeAll(async () => {
  platform = await createWholePlatform()
  operations = readOperations(platform.app)
}, 60_000)
afterAll(() => platform?.close())

const pathOf = ({ path }: Operation, insert: (parameter: string) => string) =>
  path.replace(/\{(\w+)\}/g, (_, parameter: string) => encodeURIComponent(insert(parameter)))

/** The least call of the right shape. Without `params`: on what does not exist. */
async function call(operation: Operation, by: TestAccount | null, params: Record<string, string> | null = null) {
  const { method, bodyType, sampleBody } = operation
  const isJson = bodyType === 'application/json'
  const answer = await platform.app.inject({
    method,
    url: pathOf(operation, (parameter) => (params === null ? 'unknown' : known(params, parameter))),
    headers: { ...by?.headers, ...(sampleBody && !isJson ? { 'content-type': bodyType } : {}) },
    ...(sampleBody ? { payload: isJson ? (sampleBody() as object) : 'x=1' } : {}),
  })
  return { status: answer.statusCode, body: answer.body }
}

/** What does not exist is nobody's, and its 404 would prove nothing. */
function known(params: Record<string, string>, parameter: string): string {
  const value = params[parameter]
  if (value === undefined) throw new Error(`one-of-each.ts makes nothing for {${parameter}}.`)
  return value
}

/** Of the right form, and of nothing that exists. */
function unusedValue(parameter: string): string {
  if (parameter === 'runningState') return 'RUNNING'
  const isUuid = parameter.endsWith('Id') && !['deviceId', 'appId', 'clientId'].includes(parameter)
  return isUuid ? randomUUID() : 'x'
}

const isGuarded = ({ access }: Operation) => access !== 'public'

describe('every route of the OpenAPI document', () => {
  it('declares who may call it', () => {
    expect(operations.length).toBeGreaterThan(60)
    expect(operations.filter(({ access }) => access === 'undeclared').map(named)).toEqual([])
    const open = operations
      .filter(({ access }) => access === 'public')
      .map(named)
      .sort()
    expect(open).toMatchSnapshot()
  })

  it('refuses who is not signed in, before anything else', async () => {
    const wrong: string[] = []
    for (const operation of operations.filter(isGuarded)) {
      const { status } = await call(operation, null)
      if (status !== 401) wrong.push(`${named(operation)} ${status}`)
    }
    expect(wrong).toEqual([])
  })

  it('names the missing permission, before it tells whether something exists', async () => {
    const nobody = await platform.account({ permissions: [] })
    const wrong: string[] = []
    for (const operation of operations.filter(({ access }) => access.includes(':'))) {
      const { status, body } = await call(operation, nobody)
      if (status !== 403 || JSON.parse(body).requiredPermission !== operation.access)
        wrong.push(`${named(operation)} ${status}`)
    }
    for (const operation of operations.filter(({ access }) => access === 'gateway')) {
      const { status } = await call(operation, nobody)
      if (status !== 403) wrong.push(`${named(operation)} ${status}`)
    }
    expect(wrong).toEqual([])
  })

  it('hides the objects of another account and leaves them as they are', async () => {
    const { owner, params } = await makeOneOfEach(platform)
    const rowsBefore = await rowsOf(platform.db, owner.accountId)
    const stranger = await platform.account()
    const wrong: string[] = []
    for (const operation of operations.filter(
      // a program that asks to be signed in belongs to no account until somebody approves it
      (item) =>
        isGuarded(item) && item.access !== 'gateway' && item.path.includes('{') && !item.path.includes('{userCode}'),
    )) {
      const { status, body } = await call(operation, stranger, params)
      // making a license for a device id that is another account's neither claims nor blocks it; its list is empty
      const isEmptyList = status === 200 && body === '[]'
      const needsOperator = operation.access === 'platform:operate' && status === 403
      if (status !== 404 && !isEmptyList && !needsOperator)
        wrong.push(`${named(operation)} ${status} ${body.slice(0, 200)}`)
    }
    expect(wrong).toEqual([])
    expect(await rowsOf(platform.db, owner.accountId)).toEqual(rowsBefore)
  })

  it('shows no list entry of another account', async () => {
    const { params } = await makeOneOfEach(platform)
    const stranger = await platform.account()
    const { version: _version, runningState: _state, ...ids } = params
    const secrets = Object.values(ids)
    const lists = operations.filter(
      ({ method, path, access }) =>
        method === 'GET' && !path.includes('{') && access.includes(':') && !path.includes('stream'),
    )
    expect(lists.length).toBeGreaterThan(8)
    for (const operation of lists) {
      const { body } = await call(operation, stranger)
      expect(
        secrets.filter((secret) => body.includes(secret)),
        named(operation),
      ).toEqual([])
    }
  })

  it('answers a body of the wrong shape with 400 and says where', async () => {
    const caller = await platform.account({ operator: true })
    const wrong: string[] = []
    for (const operation of operations.filter(
      ({ sampleBody, bodyType, access }) => sampleBody && bodyType === 'application/json' && access !== 'gateway',
    )) {
      const answer = await platform.app.inject({
        method: operation.method,
        url: pathOf(operation, unusedValue),
        headers: caller.headers,
        payload: ['wrong'],
      })
      const problem = answer.json()
      if (
        answer.statusCode !== 400 ||
        problem.code !== 'invalid-request' ||
        !answer.headers['content-type']?.includes('problem+json')
      ) {
        wrong.push(`${named(operation)} ${answer.statusCode} ${answer.body.slice(0, 150)}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
