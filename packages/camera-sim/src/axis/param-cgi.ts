import type { AxisAppShelf } from './axis-app.ts'
import type { AxisFacts } from './axis-facts.ts'
import { type Cgi, plain } from './cgi.ts'

export interface ParamCgiOptions {
  facts: () => AxisFacts
  shelf: AxisAppShelf
  /** How this firmware ends the line for a group that is not there. */
  missingGroupEnding: string
}

/** param.cgi: the camera's settings, and those of apps below `root.<Appname>`, as lines of text. */
export function createParamCgi({ facts, shelf, missingGroupEnding }: ParamCgiOptions): Cgi {
  function all(): [string, string][] {
    const ofApps = shelf.all().flatMap((app) => {
      const group = groupOf(app.name)
      return app.parameters.map(({ name, value }): [string, string] => [`${group}.${name}`, value])
    })
    return [...Object.entries(facts().parameters), ...ofApps]
  }

  function list(groups: string): string {
    const wanted = groups === '' ? [''] : groups.split(',').map((group) => group.trim().replace(/^root\.?/, ''))
    return wanted
      .map((group) => {
        const lines = all().filter(([name]) => group === '' || name === group || name.startsWith(`${group}.`))
        if (lines.length === 0) return `# Error: Error -1 getting param in group '${group}'${missingGroupEnding}\r\n`
        return lines.map(([name, value]) => `root.${name}=${value}\n`).join('')
      })
      .join('')
  }

  /** Only parameters of apps are kept; the camera's own are what they are. */
  function update(changes: [string, string][]): string {
    for (const [name, value] of changes) {
      const [group, ...rest] = name.replace(/^root\./, '').split('.')
      const app = shelf.all().find((one) => groupOf(one.name) === group)
      const parameter = app?.parameters.find((one) => one.name === rest.join('.'))
      if (parameter === undefined) return `# Error: Error setting '${name}' to '${value}'!\n`
      parameter.value = value
    }
    return 'OK\n'
  }

  return {
    operation: 'param',
    needs: 'administrator',
    isWrite: (query) => query.get('action') === 'update',
    run({ query }) {
      const action = query.get('action')
      if (action === 'list' || action === null) return plain(list(query.get('group') ?? ''))
      const changes = [...query].filter(([name]) => !['action', 'usergroup'].includes(name))
      if (action === 'update' && changes.length > 0) return plain(update(changes))
      return plain('# Error: Bad request\n')
    },
  }
}

/** The first letter is upper-cased: `object_dwell_timer` keeps its parameters in `root.Object_dwell_timer`. */
const groupOf = (appName: string) => `${appName.slice(0, 1).toUpperCase()}${appName.slice(1)}`
