import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { describeError, errorJson } from './describe-error.ts'
import { exitCodeOf, exitCodes } from './exit-code.ts'

test('a file that Node cannot use is named with the reason, and is no fault of this program', async () => {
  const error = await readFile('/no/such/folder/site.json').catch((reason: unknown) => reason)
  expect(describeError(error)).toEqual(['/no/such/folder/site.json: no such file or directory (ENOENT, open)'])
  expect(JSON.parse(errorJson(error)).error).toMatchObject({ code: 'file-failed', exitCode: exitCodes.localFile })
})

test('a full disk is told, though Node names no file', () => {
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28, syscall: 'write' })
  expect(describeError(full)[0]).toContain('ENOSPC')
  expect(exitCodeOf(full)).toBe(exitCodes.localFile)
})

test('what has no explanation is told as a fault of this program', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' })
  expect(exitCodeOf(reset)).toBe(exitCodes.unexpected)
  expect(describeError(reset)[0]).toContain('Please report it')
})
