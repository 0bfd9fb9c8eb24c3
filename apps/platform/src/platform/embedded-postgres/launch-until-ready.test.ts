import { expect, test } from 'vitest'
import { startFailureIn } from './launch-until-ready.ts'

test.each([
  ['FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use', 'memory-in-use'],
  ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'port-taken'],
  ['FATAL:  could not create any TCP/IP sockets', 'port-taken'],
  ['FATAL:  lock file "postmaster.pid" already exists', 'other'],
  ['', 'other'],
])('a start that ended with %j: %s', (logTail, failure) => {
  expect(startFailureIn(logTail)).toBe(failure)
})
