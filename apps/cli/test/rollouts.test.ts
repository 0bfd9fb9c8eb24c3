import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { answering, openTestCli, problem, signedIn } from './test-io.ts'

const preflight = { total: 2, ready: 2, units: null, groups: [], rollback: null }
const update = ['rollout', 'create', '--action', 'update', '--app', 'com.example.a', 'CAM1', 'CAM2']
const openCli = (answer: unknown) => openTestCli({ env: signedIn, ...answering(() => answer) })

describe('a dry run', () => {
  it('ends well when every device is ready and there are units for all', async () => {
    const cli = await openCli({ ...preflight, units: { needed: 2, free: 2, missing: 0 } })
    expect(await cli.run([...update, '--dry-run'])).toMatchObject({ code: 0 })
  })

  it('ends with 1 when units are missing, as the rollout itself would be refused', async () => {
    const cli = await openCli({ ...preflight, units: { needed: 2, free: 1, missing: 1 } })
    expect(await cli.run([...update, '--dry-run'])).toMatchObject({ code: 1 })
  })
})

describe('a refusal', () => {
  const detail =
    '2 of 2 devices would lose the app\'s data if they were set back; "acceptDataLoss": true accepts that. A dry run names them.'
  const refused = () => openTestCli({ env: signedIn, ...answering(() => problem(409, 'downgrade', { detail })) })

  it('names the flag to those who gave flags', async () => {
    const { code, stderr } = await (await refused()).run([...update, '--rollback'])
    expect(code).toBe(6)
    expect(stderr).toContain('--accept-data-loss accepts that')
    expect(stderr).not.toContain('acceptDataLoss')
  })

  it('names the field to those who wrote the request, and to programs', async () => {
    const cli = await refused()
    await writeFile(join(cli.folder, 'rollout.json'), '{}')
    const own = await cli.run(['rollout', 'create', '--file', 'rollout.json'])
    expect(own.stderr).toContain('"acceptDataLoss": true')
    const { stderr } = await cli.run([...update, '--rollback', '--json'])
    expect(JSON.parse(stderr).error.detail).toBe(detail)
  })
})

describe('what cannot be meant is told before anything is sent', () => {
  it.each([
    [['--window', '25:00-26:00'], '--window takes hours'],
    [['--window', '22:00-05:60'], '--window takes hours'],
    [['--window', '22:00-05:00', '--days', 'MO'], '--days takes some of MON,TUE'],
  ])('%j', async (flags, told) => {
    const platform = answering(() => preflight)
    const cli = await openTestCli({ env: signedIn, ...platform })
    const { code, stderr } = await cli.run([...update, ...flags])
    expect({ code, calls: platform.calls }).toEqual({ code: 2, calls: [] })
    expect(stderr).toContain(told)
  })

  it.each([
    [['--max-in-flight', '2'], 'what --max-in-flight says'],
    [['CAM1'], 'devices too'],
    [['--tag', 'hall', '--watch'], 'what --tag says'],
  ])('--file with %j, which would count for nothing', async (more, told) => {
    const platform = answering(() => preflight)
    const cli = await openTestCli({ env: signedIn, ...platform })
    await writeFile(join(cli.folder, 'rollout.json'), '{}')
    const { code, stderr } = await cli.run(['rollout', 'create', '--file', 'rollout.json', ...more])
    expect({ code, calls: platform.calls }).toEqual({ code: 2, calls: [] })
    expect(stderr).toContain(told)
  })
})
