import { parse } from 'csv-parse/sync'
import { wrongUsage } from '../cli-error.ts'

/** One line of a list of cameras. */
export interface CameraRow {
  /** In the file, from 1. */
  line: number
  device: string | null
  address: string | null
  user: string | null
  password: string | null
  name: string | null
  site: string | null
  customer: string | null
  tags: string[] | null
}

type Column = Exclude<keyof CameraRow, 'line'> | 'port'

/**
 * How columns may be called, without case, blanks, `-` and `_`. Beside ours those of Milestone XProtect: HardwareAddress,
 * HardwareName, UserName (its older exports) and Address, Name, UserName, HardwarePort (its newer ones and its import).
 */
const headings: Record<Column, readonly string[]> = {
  device: ['device', 'deviceid'],
  address: ['address', 'hardwareaddress', 'ipaddress', 'ip', 'host', 'url'],
  port: ['port', 'hardwareport'],
  user: ['user', 'username', 'hardwareusername', 'login'],
  password: ['password', 'hardwarepassword'],
  name: ['name', 'hardwarename', 'cameraname'],
  site: ['site'],
  customer: ['customer'],
  tags: ['tags', 'tag'],
}

/** Reads CSV with `;` or `,`, with or without a BOM. Throws `wrong-usage` for a text that is none, or has no usable heading. */
export function readCameraRows(text: string): CameraRow[] {
  if (text.includes('\uFFFD')) {
    // A password read with wrong letters would be refused by the camera, which counts that.
    throw wrongUsage('The list is not in UTF-8. Save it again as "CSV UTF-8".')
  }
  const [first, ...lines] = parseLines(text)
  if (!first) throw wrongUsage('The list is empty. Its first line names the columns: address;user;password;name;site')
  const columns = columnsOf(first.record)
  return lines.map(({ record, info }): CameraRow => {
    const textOf = (column: Column) => {
      const index = columns.get(column)
      return (index === undefined ? undefined : record[index]) || null
    }
    const word = (column: Column) => textOf(column)?.trim() || null
    const tags = word('tags')
    return {
      line: info.lines,
      ...{ device: word('device'), address: withPort(word('address'), word('port')), user: word('user') },
      // A password may begin or end with a blank.
      ...{ password: textOf('password'), name: word('name'), site: word('site'), customer: word('customer') },
      tags: tags === null ? null : [...new Set(tags.split(/[,;|]/).map((tag) => tag.trim()))].filter(Boolean),
    }
  })
}

interface Line {
  record: string[]
  info: { lines: number }
}

function parseLines(text: string): Line[] {
  const [head = ''] = text.split(/\r?\n/, 1)
  const delimiter = head.split(';').length > head.split(',').length ? ';' : ','
  try {
    return parse(text, {
      ...{ bom: true, delimiter, info: true, relax_column_count: true, max_record_size: 100_000 },
      skip_records_with_empty_values: true,
    }) as unknown as Line[]
  } catch (cause) {
    // The parser's words may quote a line, and so a password.
    const at = cause instanceof Error && 'lines' in cause ? ` at line ${String(cause.lines)}` : ''
    throw wrongUsage(`The list is not CSV${at}: look for a quotation mark that is not closed.`)
  }
}

function columnsOf(names: string[]): Map<Column, number> {
  const plain = names.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''))
  const found = new Map<Column, number>()
  for (const [column, known] of Object.entries(headings) as [Column, readonly string[]][]) {
    const index = plain.findIndex((name) => known.includes(name))
    if (index >= 0) found.set(column, index)
  }
  if (found.has('address') || found.has('device')) return found
  throw wrongUsage(
    'The first line of the list must name its columns, such as address;user;password;name;site;customer;tags',
  )
}

/** 80 and 443 are what is asked anyway. */
function withPort(address: string | null, port: string | null): string | null {
  if (!address || !port || ['80', '443'].includes(port)) return address
  return /:\d+\/?$/.test(address) ? address : `${address.replace(/\/+$/, '')}:${port}`
}
