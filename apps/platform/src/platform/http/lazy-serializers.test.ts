import { describe, expect, it } from 'vitest'
import { type BuildSerializers, createLazySerializers } from './lazy-serializers.ts'

const device = { type: 'object', properties: { deviceId: { type: 'string' } } }

describe('serializers of answers', () => {
  it('are Fastify’s own: what the schema does not name is left out', () => {
    const serialize = createLazySerializers()({}, {})({ schema: device })
    expect(serialize({ deviceId: 'CAM1', secret: 'x' })).toBe('{"deviceId":"CAM1"}')
  })

  it('are compiled at the first answer, once', () => {
    let compiled = 0
    const build: BuildSerializers = () => () => {
      compiled += 1
      return JSON.stringify
    }
    const serialize = createLazySerializers(build)({}, {})({ schema: device })
    expect(compiled).toBe(0)
    serialize(1)
    serialize(2)
    expect(compiled).toBe(1)
  })
})
