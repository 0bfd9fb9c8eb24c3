import { expect, test } from 'vitest'
import { networkFault, wasNeverSent } from './network-fault.ts'

const failed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-refused', 'Trust the CA'],
  ['CERT_HAS_EXPIRED', 'certificate-outdated', 'the clock of this machine'],
  ['CERT_NOT_YET_VALID', 'certificate-outdated', 'the clock of this machine'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-of-other-host', 'the name that it is for'],
])('a certificate is refused for one reason at a time, and nothing was sent: %s', (cause, code, remedy) => {
  const error = networkFault(failed(cause), 'https://ocelli.test:8443/health/live')
  expect(error).toMatchObject({ kind: 'unreachable', code, retryable: false })
  expect(error.message).toMatch(/^ocelli\.test:8443 /)
  expect(error.message).toContain(remedy)
  expect(wasNeverSent(error)).toBe(true)
})

test('what is not known may have been sent, and may be tried again', () => {
  const error = networkFault(failed('ECONNRESET'), 'https://ocelli.test')
  expect(error).toMatchObject({ code: 'connection-lost', retryable: true })
  expect(wasNeverSent(error)).toBe(false)
})
