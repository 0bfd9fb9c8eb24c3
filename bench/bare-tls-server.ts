import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'

/** The reference for memory per connection: Node's TLS server with client certificates, that echoes and does nothing else. */
const { BARE_CERT: cert, BARE_KEY: key, BARE_CA: ca } = process.env
const server = createServer({ cert, key, ca: [ca ?? ''], requestCert: true, rejectUnauthorized: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk))
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ port: (server.address() as AddressInfo).port })
