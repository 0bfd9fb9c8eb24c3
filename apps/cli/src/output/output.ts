import type { TextSink } from '../io.ts'
import { type Cell, type Column, fieldLines, tableLines } from './table.ts'

/** Data, on stdout: tables for people, the API's own objects for programs. */
export interface Output {
  readonly isJson: boolean
  /** A list. For people `empty` is told on stderr when there is nothing; for programs it is `[]`. */
  list<Item>(
    items: Iterable<Item> | AsyncIterable<Item>,
    columns: readonly Column<Item>[],
    options?: { empty?: string },
  ): Promise<number>
  /** One thing, by its fields. */
  one(item: unknown, fields: readonly (readonly [string, Cell])[]): void
  /** One thing after another, as they happen: a line each, for programs one JSON object a line. */
  line(item: unknown, text: string): void
  /** The one text that is asked for, such as an id or a token. */
  text(item: unknown, text: string): void
  /** What was done where the platform answers nothing: an object for programs, a sentence on stderr for people. */
  done(item: unknown, sentence: string): void
}

/** So many rows make one table; a longer list comes in several, so that it needs not be held as a whole. */
const rowsPerTable = 1000

export function createOutput({
  stdout,
  say,
  isJson,
  isPlain,
}: {
  stdout: TextSink
  say: (text: string) => void
  isJson: boolean
  /** Without colors and bold. */
  isPlain: boolean
}): Output {
  const print = (text: string) => stdout.write(`${text}\n`)
  const json = (item: unknown) => print(JSON.stringify(item, null, 2))
  return {
    isJson,
    async list(items, columns, { empty } = {}) {
      const count = isJson
        ? await printArray(items, stdout)
        : await printTables(items, (rows) => {
            for (const line of tableLines(rows, columns, { isBold: stdout.isTerminal && !isPlain })) print(line)
          })
      if (count === 0 && !isJson && empty) say(empty)
      return count
    },
    one(item, fields) {
      if (isJson) json(item)
      else for (const line of fieldLines(fields)) print(line)
    },
    line: (item, text) => print(isJson ? JSON.stringify(item) : text),
    text(item, text) {
      if (isJson) json(item)
      else print(text)
    },
    done(item, sentence) {
      if (isJson) json(item)
      else say(sentence)
    },
  }
}

async function printArray<Item>(items: Iterable<Item> | AsyncIterable<Item>, { write }: TextSink): Promise<number> {
  let count = 0
  for await (const item of items) {
    write(count === 0 ? '[\n' : ',\n')
    write(JSON.stringify(item, null, 2).replace(/^/gm, '  '))
    count++
  }
  write(count === 0 ? '[]\n' : '\n]\n')
  return count
}

async function printTables<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  print: (rows: Item[]) => void,
): Promise<number> {
  let count = 0
  let rows: Item[] = []
  const flush = () => {
    if (rows.length > 0) print(rows)
    rows = []
  }
  for await (const item of items) {
    rows.push(item)
    count++
    if (rows.length === rowsPerTable) flush()
  }
  flush()
  return count
}
