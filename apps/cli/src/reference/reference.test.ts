import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { CliCommand } from '../cli-command.ts'
import { createProgram } from '../program.ts'
import { writeReference } from './reference.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const program = createProgram({ run: async () => {}, print: () => {}, say: () => {} })

function leaves(command: Command, path: string[] = []): { path: string[]; command: Command }[] {
  const children = command.commands.filter((child) => child.name() !== 'help' && child.name() !== 'complete')
  if (children.length === 0) return [{ path, command }]
  return children.flatMap((child) => leaves(child, [...path, child.name()]))
}

it('the committed reference is what the program says: else run node apps/cli/src/reference/main.ts', () => {
  expect(read('../../../../docs/cli.md')).toBe(writeReference(read('./introduction.md')))
})

it('every command has a description and an example that names it and only flags that it has', () => {
  const known = (command: Command) => [...program.options, ...command.options].map(({ long }) => long)
  const wrong = leaves(program).flatMap(({ path, command }) => {
    const examples = command instanceof CliCommand ? command.exampleLines : []
    const name = `ocelli ${path.join(' ')}`
    const strangers = examples
      .map((line) => line.replace(/ # .*$/, '').slice(line.indexOf(name)))
      .flatMap((line) => line.match(/(?<= )--[a-z-]+/g) ?? [])
      .filter((flag) => !known(command).includes(flag))
    const isFine = command.description() && examples.length > 0 && examples.every((line) => line.includes(name))
    return isFine && strangers.length === 0 ? [] : [{ name, strangers }]
  })
  expect(wrong).toEqual([])
})

it('no help tells of empty lists or of values that are none', () => {
  const strange = leaves(program).filter(({ command }) =>
    /default: (\[\]|undefined|null)/.test(command.helpInformation()),
  )
  expect(strange.map(({ path }) => path.join(' '))).toEqual([])
})

it('no command has a flag that every command has', () => {
  const globals = program.options.map(({ long }) => long)
  const twice = leaves(program).flatMap(({ path, command }) =>
    command.options.filter(({ long }) => globals.includes(long)).map(({ long }) => `${path.join(' ')} ${long}`),
  )
  expect(twice).toEqual([])
})
