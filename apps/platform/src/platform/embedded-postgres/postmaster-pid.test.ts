import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { identifyPid, parsePostmasterPid } from './postmaster-pid.ts'

describe('postmaster.pid', () => {
  test('tells process, folder, address and state of a server that is ready', () => {
    const text = '4711\n/srv/pg/18\n1700000000\n5432\n/srv/pg/18\n127.0.0.1\n  1234 5678\nready   \n'
    expect(parsePostmasterPid(text)).toEqual({
      pid: 4711,
      dataFolder: '/srv/pg/18',
      port: 5432,
      socketFolder: '/srv/pg/18',
      listenAddress: '127.0.0.1',
      status: 'ready',
    })
  })

  test('says nothing of the address while the server has not written that far', () => {
    expect(parsePostmasterPid('4711\n/srv/pg/18\n')).toMatchObject({ pid: 4711, port: undefined, status: '' })
  })

  test('of a single-user backend bears its pid below zero', () => {
    expect(parsePostmasterPid('-4711\n/srv/pg/18\n')).toMatchObject({ pid: 4711 })
  })

  test.each(['', '\n', 'x\n/srv\n', '0\n/srv\n', '4711\n'])('half written (%j) is no entry', (text) => {
    expect(parsePostmasterPid(text)).toBeUndefined()
  })
})

describe.runIf(process.platform === 'linux')('whose a pid is', () => {
  async function folderWithProcess(): Promise<{ folder: string; pid: number; end: () => Promise<void> }> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'ocelli-pid-')))
    const child = spawn('sleep', ['60'], { cwd: folder })
    await once(child, 'spawn')
    const exited = once(child, 'exit')
    const end = async () => {
      child.kill()
      await exited
    }
    onTestFinished(async () => {
      await end()
      await rm(folder, { recursive: true })
    })
    return { folder, pid: child.pid ?? 0, end }
  }

  test('shows by its working folder', async () => {
    const { folder, pid, end } = await folderWithProcess()
    expect(await identifyPid(pid, folder)).toBe('ours')
    expect(await identifyPid(pid, tmpdir())).toBe('foreign')
    await end()
    expect(await identifyPid(pid, folder)).toBe('dead')
  })
})
