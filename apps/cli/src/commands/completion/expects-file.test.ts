import { expect, test } from 'vitest'
import { createProgram } from '../../program.ts'
import { expectsFile } from './expects-file.ts'

const program = createProgram({ print: () => {}, say: () => {}, run: async () => {} })

test.each([
  ['the value of a flag that takes a file', 'rollout create --file roll'],
  ['the same behind other flags and their values', '--profile lab devices claim --site Riga --csv '],
  ['a flag of the program', 'devices list --ca '],
  ['an argument that is a file', 'offline apply '],
  ['one of several', 'apps publish one.apk t'],
])('a file is offered for %s', (_, line) => {
  expect(expectsFile(line.split(' '), program)).toBe(true)
})

test.each([
  ['a command', 'rollout '],
  ['a choice', 'rollout create --action '],
  ['a flag', 'rollout create --fi'],
  ['a flag behind a file', 'rollout create --file rollout.json --d'],
  ['an argument that is an id', 'devices show '],
  ['the value of a flag that is no file', 'devices claim --site '],
])('none is offered for %s', (_, line) => {
  expect(expectsFile(line.split(' '), program)).toBe(false)
})
