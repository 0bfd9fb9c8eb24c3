#!/usr/bin/env node
import { keepCompiledCode } from './compiled-code.ts'

keepCompiledCode(process.env)
const { runCli } = await import('./run-cli.ts')
process.exitCode = await runCli(process.argv.slice(2), process.env)
