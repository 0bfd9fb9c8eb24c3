import { styleText } from 'node:util'
import Table from 'cli-table3'
import { plainText } from './plain-text.ts'

export type Cell = string | number | boolean | null | undefined | readonly string[]

export interface Column<Item> {
  heading: string
  value: (item: Item) => Cell
  align?: 'left' | 'right'
}

const none = ''
const bare = {
  ...{ top: none, 'top-mid': none, 'top-left': none, 'top-right': none, bottom: none, 'bottom-mid': none },
  ...{ 'bottom-left': none, 'bottom-right': none, left: none, 'left-mid': none, mid: none, 'mid-mid': none },
  ...{ right: none, 'right-mid': none, middle: '  ' },
}
const style = { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true }

export function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  if (typeof cell === 'object') return cell.length > 0 ? plainText(cell.join(', ')) : '-'
  return plainText(String(cell))
}

/** Lines of a table without frames, as wide as its widest cells. */
export function tableLines<Item>(
  items: readonly Item[],
  columns: readonly Column<Item>[],
  { isBold = false }: { isBold?: boolean } = {},
): string[] {
  const heading = (text: string) => (isBold ? styleText('bold', text, { validateStream: false }) : text)
  const table = new Table({
    ...{ chars: bare, style },
    head: columns.map((column) => heading(column.heading)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
  })
  for (const item of items) table.push(columns.map(({ value }) => cellText(value(item))))
  return trimmed(table.toString())
}

/** Lines of one thing: a field and its value each. */
export function fieldLines(fields: readonly (readonly [string, Cell])[]): string[] {
  const table = new Table({ chars: bare, style })
  for (const [name, cell] of fields) table.push([name, cellText(cell)])
  return trimmed(table.toString())
}

const trimmed = (text: string): string[] => text.split('\n').map((line) => line.trimEnd())
