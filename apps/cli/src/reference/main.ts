#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs'
import { writeReference } from './reference.ts'

const introduction = readFileSync(new URL('./introduction.md', import.meta.url), 'utf8')
writeFileSync(new URL('../../../../docs/cli.md', import.meta.url), writeReference(introduction))
