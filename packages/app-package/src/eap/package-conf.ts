import { PackageError } from '../package-error.ts'

/**
 * Reads `KEY="value"` lines as a shell would assign them, without ever running anything: `$` and backquotes are plain
 * characters. Lines of another form are skipped; of a key that comes twice, the last counts, as in a shell.
 */
export function parsePackageConf(bytes: Buffer): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line)
    const [, key, raw] = match ?? []
    if (key === undefined || raw === undefined) continue
    values.set(key, unquote(raw.trim()))
  }
  if (values.size === 0) throw new PackageError('manifest-invalid', 'The package.conf of the package sets nothing.')
  return values
}

function unquote(raw: string): string {
  const double = /^"((?:[^"\\]|\\.)*)"/.exec(raw)?.[1]
  if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1')
  const single = /^'([^']*)'/.exec(raw)?.[1]
  return single ?? withoutComment(raw)
}

/** What stands before the first `#` that follows white space. */
function withoutComment(raw: string): string {
  // Not one pattern for white space and `#`: it would begin anew at each of a million blanks.
  const comment = /(?<=\s)#/.exec(raw)
  return comment === null ? raw : raw.slice(0, comment.index).trimEnd()
}

/** Lines of `Name="default" type="..."` in param.conf. */
export function parseParamConf(bytes: Buffer): { name: string; default: string; type: string }[] {
  const pattern = /^\s*([A-Za-z0-9_.-]+)\s*=\s*"((?:[^"\\]|\\.)*)"(?:\s+type="((?:[^"\\]|\\.)*)")?/
  return bytes
    .toString('utf8')
    .split(/\r?\n/)
    .flatMap((line) => {
      const [, name, value = '', type = ''] = pattern.exec(line) ?? []
      return name === undefined ? [] : [{ name, default: value, type }]
    })
}
