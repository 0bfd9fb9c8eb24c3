import { describe, expect, test } from 'vitest'
import { answering, openTestCli, signedIn } from '../../../test/test-io.ts'

describe('an audit of licenses', () => {
  const order = { orderId: 'o-1', appId: 'a.b', licenseType: 'FULL', total: 5, used: 3, counted: 2, ok: false }
  const finding = { severity: 'ERROR', code: 'counter-wrong', detail: 'Counter says 3, counted 2.' }

  test.each([
    [{ orders: [{ ...order, counted: 3, ok: true }], findings: [], ok: true }, 0],
    [{ orders: [order], findings: [finding], ok: false }, 1],
  ])('ends by what was found', async (audit, code) => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => audit) })
    const run = await cli.run(['licenses', 'audit'])
    expect(run.code).toBe(code)
    expect(run.stdout).toContain(audit.findings[0]?.detail ?? 'o-1')
    expect(JSON.parse((await cli.run(['licenses', 'audit', '--json'])).stdout)).toEqual(audit)
  })
})
