import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const ip = (...args: string[]) => execute('ip', args)

/** Networks of this machine's own, each a namespace, joined by virtual cables; needs Linux, root and iproute2. */
export interface NetworkNamespaces {
  /** Joins two namespaces; the ends have these addresses (with prefix length), IPv4 or IPv6. */
  join(one: End, other: End): Promise<void>
  run(namespace: string, ...command: string[]): Promise<string>
  /** Starts a program there; resolves with its first line, once it has printed one. */
  start(namespace: string, program: URL, ...args: string[]): Promise<string>
  remove(): Promise<void>
}

export interface End {
  namespace: string
  addresses: readonly string[]
}

/** Null where namespaces cannot be made; `reason` says why. */
export async function createNamespaces(
  ...names: string[]
): Promise<{ kind: 'made'; net: NetworkNamespaces } | { kind: 'impossible'; reason: string }> {
  const prefix = `ocelli-${process.pid}`
  const full = (name: string) => `${prefix}-${name}`
  const stops: (() => Promise<void>)[] = []
  let cables = 0

  async function remove(): Promise<void> {
    for (const stop of stops.splice(0)) await stop()
    for (const name of names) await ip('netns', 'del', full(name)).catch(() => undefined)
  }

  const net: NetworkNamespaces = {
    remove,
    async join(one, other) {
      cables += 1
      const ends = [one, other].map((end, side) => ({
        ...end,
        link: `oc${process.pid % 100_000}c${cables}${'ab'[side]}`,
      }))
      const [a, b] = ends.map(({ link }) => link)
      await ip('link', 'add', `${a}`, 'type', 'veth', 'peer', 'name', `${b}`)
      for (const { namespace, addresses, link } of ends) {
        await ip('link', 'set', link, 'netns', full(namespace))
        for (const address of addresses) {
          const options = address.includes(':') ? ['nodad'] : []
          await ip('-n', full(namespace), 'addr', 'add', address, 'dev', link, ...options)
        }
        await ip('-n', full(namespace), 'link', 'set', link, 'up')
      }
    },
    run: async (namespace, ...command) => (await ip('netns', 'exec', full(namespace), ...command)).stdout,
    async start(namespace, program, ...args) {
      const path = fileURLToPath(program)
      const command = ['netns', 'exec', full(namespace), process.execPath, path, ...args]
      const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
      stops.push(async () => {
        if (child.exitCode !== null) return
        // Its input's end is what it waits for.
        child.stdin.end()
        await once(child, 'exit')
      })
      const lines = createInterface({ input: child.stdout })
      const [line] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [''])])
      return String(line)
    },
  }

  try {
    for (const name of names) {
      await ip('netns', 'add', full(name))
      await ip('-n', full(name), 'link', 'set', 'lo', 'up')
    }
    await net.join({ namespace: names[0] ?? '', addresses: [] }, { namespace: names[1] ?? '', addresses: [] })
    return { kind: 'made', net }
  } catch (error) {
    await remove()
    const why = error instanceof Error ? (error.message.split('\n').at(-1) ?? error.message).trim() : String(error)
    return { kind: 'impossible', reason: `network namespaces cannot be made here: ${why || String(error)}` }
  }
}

/** Until every link-local address of a namespace may be used: a new one is first checked for doubles. */
export async function awaitLinkLocal(net: NetworkNamespaces, namespace: string): Promise<void> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const tentative = await net.run(namespace, 'ip', '-6', 'addr', 'show', 'tentative')
    const local = await net.run(namespace, 'ip', '-6', 'addr', 'show', 'scope', 'link')
    if (tentative.trim() === '' && local.trim() !== '') return
    if (performance.now() > deadline) throw new Error(`No link-local address in ${namespace}: ${tentative}${local}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
