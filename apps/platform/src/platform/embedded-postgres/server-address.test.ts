import { connect } from 'node:net'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { addressOf, connectionStringOf, findFreePort } from './server-address.ts'

const entry = { pid: 1, dataFolder: '/srv/pg/18', port: 5433, socketFolder: '', listenAddress: '', status: 'ready' }

test('a running server’s address is what its postmaster.pid says', () => {
  expect(addressOf({ ...entry, socketFolder: '/srv/pg/18' })).toEqual({
    kind: 'socket',
    folder: '/srv/pg/18',
    port: 5433,
  })
  expect(addressOf({ ...entry, listenAddress: '127.0.0.1' })).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 5433 })
  expect(addressOf(entry)).toBeUndefined()
  expect(addressOf({ ...entry, port: undefined, listenAddress: '127.0.0.1' })).toBeUndefined()
})

test('a connection string leads pg to the socket, whatever the folder is called and the password holds', () => {
  const folder = '/srv/my data?x=%20&y/pg/18'
  const connectionString = connectionStringOf({ kind: 'socket', folder, port: 5432 }, 'p@ss/w:rd%')
  const client = new Client({ connectionString })
  expect(client).toMatchObject({ host: folder, port: 5432, user: 'ocelli', password: 'p@ss/w:rd%', database: 'ocelli' })
  expect(new URL(connectionString).pathname).toBe('/ocelli')
})

test('a connection string leads pg to the port on loopback', () => {
  const connectionString = connectionStringOf({ kind: 'tcp', host: '127.0.0.1', port: 5433 }, 'secret', 'postgres')
  expect(new Client({ connectionString })).toMatchObject({ host: '127.0.0.1', port: 5433, database: 'postgres' })
})

test('a free port is one that nobody listens on', async () => {
  const port = await findFreePort()
  const code = await new Promise((resolve) => {
    connect(port, '127.0.0.1').once('error', (error) => resolve('code' in error ? error.code : error))
  })
  expect(code).toBe('ECONNREFUSED')
})
