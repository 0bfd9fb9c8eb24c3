import { namespaces } from '../xml/namespaces.ts'
import type { XmlElement } from '../xml/reader.ts'

const dialects = {
  simple: 'http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple',
  concrete: 'http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete',
  concreteSet: 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet',
}

export const topicDialects = [dialects.concrete, dialects.concreteSet]

export type TopicMatch = 'selected' | 'not-selected' | 'bad-dialect' | 'bad-expression'

/** Whether a wsnt:TopicExpression selects tns1:AppMgmt/State (ONVIF Core, ConcreteSet: alternatives and `//.`). */
export function matchTopic(expression: XmlElement): TopicMatch {
  const dialect = expression.attributes.find((attribute) => attribute.name === 'Dialect')?.value ?? dialects.concreteSet
  if (!Object.values(dialects).includes(dialect)) return 'bad-dialect'
  const branches = expression.text.split('|').map((branch) => matchBranch(branch.trim(), expression.scope))
  if (branches.includes('bad-expression')) return 'bad-expression'
  return branches.includes('selected') ? 'selected' : 'not-selected'
}

function matchBranch(branch: string, scope: ReadonlyMap<string, string>): TopicMatch {
  const parts = /^([\w.-]+):([\w.-]+)((?:\/(?:[\w.-]+:)?[\w.-]+)*)(\/\/\.)?$/.exec(branch)
  const namespace = scope.get(parts?.[1] ?? '')
  if (parts === null || namespace === undefined) return 'bad-expression'
  const path = `${parts[2]}${parts[3] ?? ''}`
  if (namespace !== namespaces.tns1) return 'not-selected'
  const hasSubtree = parts[4] !== undefined
  return path === 'AppMgmt/State' || (hasSubtree && path === 'AppMgmt') ? 'selected' : 'not-selected'
}
