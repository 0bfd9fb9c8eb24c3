import { printMachine } from './report.ts'

const benches: Record<string, () => Promise<void>> = {
  start: async () => (await import('./start.ts')).benchStart(),
  api: async () => (await import('./api.ts')).benchApi(),
  fleet: async () => (await import('./fleet-rollout.ts')).benchFleet(),
  connections: async () => (await import('./connections.ts')).benchConnections(),
  // the other side of the comparison in `api`, in a process of its own
  'reference-server': async () => (await import('./reference-server.ts')).serveReference(),
}

const [name = ''] = process.argv.slice(2)
const bench = benches[name]
if (!bench) {
  process.stderr.write('Usage: npm run bench -- start | api | connections | fleet\n')
  process.exitCode = 2
} else {
  if (name !== 'reference-server') printMachine()
  await bench()
}
