#!/usr/bin/env node
// Plain JavaScript: an older Node ends at the first .ts file with a stack trace, and is to say this instead.
const { node } = process.versions
if (Number.parseInt(node, 10) >= 26) await import('../src/main.ts')
else {
  process.stderr.write(
    `ocelli needs Node.js 26 and was started on ${node}: run it with "npx ocelli", which takes the Node that npm ci brought.\n`,
  )
  process.exitCode = 1
}
