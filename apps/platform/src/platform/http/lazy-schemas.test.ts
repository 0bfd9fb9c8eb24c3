import { describe, expect, it } from 'vitest'
import { type BuildCompiler, createLazyCompilers, whenNeeded } from './lazy-schemas.ts'

const schema = { type: 'object', required: ['deviceId'], properties: { deviceId: { type: 'string' } } }

describe('compilers of schemas', () => {
  it('are Fastify’s own: an answer leaves out what its schema does not name', () => {
    const serialize = createLazyCompilers().buildSerializer({}, {})({ schema })
    expect(serialize({ deviceId: 'CAM1', secret: 'x' })).toBe('{"deviceId":"CAM1"}')
  })

  it('say what is wrong with a request', () => {
    const validate = createLazyCompilers().buildValidator({}, { customOptions: {} })({ schema })
    expect(validate({})).toBe(false)
    expect(validate.errors).toMatchObject([{ keyword: 'required' }])
    expect(validate({ deviceId: 'CAM1' })).toBe(true)
    expect(validate.errors).toBeNull()
  })

  it('work at the first call, once', () => {
    let compiled = 0
    const build: BuildCompiler = () => () => {
      compiled += 1
      return JSON.stringify
    }
    const serialize = whenNeeded(build)({}, {})({ schema })
    expect(compiled).toBe(0)
    serialize(1)
    serialize(2)
    expect(compiled).toBe(1)
  })
})
