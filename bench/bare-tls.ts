import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { collectsWhenTold, idleBytes } from './idle-memory.ts'

interface Certificates {
  certificate: string
  privateKey: string
  caCertificate: string
}

/** Resident bytes that Node's own TLS server needs for each idle connection with a client certificate, from `base` to `count`. */
export async function bareTlsBytesPerConnection(
  { certificate, privateKey, caCertificate }: Certificates,
  { base, count }: { base: number; count: number },
): Promise<number> {
  // what a gateway holds serves as the server's, too: the reference weighs connections, and judges nobody
  const env = { ...process.env, BARE_CERT: certificate, BARE_KEY: privateKey, BARE_CA: caCertificate }
  const child: ChildProcess = fork(fileURLToPath(new URL('./bare-tls-server.ts', import.meta.url)), {
    env,
    execArgv: collectsWhenTold,
  })
  const { pid = 0 } = child
  const sockets: TLSSocket[] = []
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const open = async () => {
      const socket = connect({
        ...{ port, host: '127.0.0.1', ca: caCertificate, cert: certificate, key: privateKey },
        // the certificate is one for clients; what is weighed is the connection
        rejectUnauthorized: false,
      })
      sockets.push(socket)
      await once(socket, 'secureConnect')
      socket.write('hello')
      await once(socket, 'data')
    }
    const openUntil = async (total: number) => {
      while (sockets.length < total) {
        await Promise.all(Array.from({ length: Math.min(50, total - sockets.length) }, open))
      }
    }
    await openUntil(base)
    const before = await idleBytes(pid)
    await openUntil(count)
    return ((await idleBytes(pid)) - before) / (count - base)
  } finally {
    for (const socket of sockets) socket.destroy()
    child.kill()
    await once(child, 'exit')
  }
}
